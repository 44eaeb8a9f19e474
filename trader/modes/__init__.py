"""The working day: each mode gathers through ports, decides in the core, acts through ports."""
