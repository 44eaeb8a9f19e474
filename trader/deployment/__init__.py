"""What runs on a host to install, activate and roll back releases: standard library alone, and nothing else of ours.

It is shipped as one file and run by the system's Python, so that it works when a release's environment does not.
"""
