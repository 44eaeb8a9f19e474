"""The configuration file and the environment as frozen values; whatever is not understood is refused."""
