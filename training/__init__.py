"""A table of phones in, a model version out. The only room that imports torch."""
