"""The words of the program: frozen data, the errors tree, no behaviour beyond invariants."""
