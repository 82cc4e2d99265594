"""A table of phones in, a model version out. The only package that imports torch."""
