"""Pure: what fills do to cash and lots, what holdings are worth, how the day went."""
