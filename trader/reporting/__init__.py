"""Pure: the day as a document, and that document as a page."""
