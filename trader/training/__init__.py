"""Learn a ranker from bars, and measure it on sessions it has not seen."""
