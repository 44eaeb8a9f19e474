"""What `trader status` shows, read from ledger and state."""
