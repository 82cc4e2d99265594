"""A model repository as a whole: versions come from another one, go, and are compared."""
