"""I/O lives here; foreign types and exceptions never leave."""
