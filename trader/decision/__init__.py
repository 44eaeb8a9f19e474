"""Pure: from bars to order intents, and the gate each order passes."""
