"""CSV as bytes: cut into blocks of whole rows, parsed, read from files."""
