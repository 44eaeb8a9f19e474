"""The commands: parse, call, show, exit code; no logic, and nothing heavy is imported before it is needed."""
