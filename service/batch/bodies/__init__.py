"""The forms of a body: each read in blocks of checked rows."""
