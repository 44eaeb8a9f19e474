"""The checks of a preflight: small functions that look at one thing each and say what they found."""
