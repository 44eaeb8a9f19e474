"""A user's hand-made set-up: found, archived, taken away, and put back exactly."""
