"""A local exchange that speaks Alpaca's dialect: a foreign system, so it imports nothing of ours."""
