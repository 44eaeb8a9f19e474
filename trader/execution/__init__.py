"""Pure: order ids, the life of an order, and what to do next about it."""
