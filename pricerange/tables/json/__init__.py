"""Tables as JSON: phones in one document, and lines of it."""
