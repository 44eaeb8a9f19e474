"""What the modes need of the world, as Protocols; adapters fulfil them, bootstrap chooses."""
