"""Versions that come and go while a service answers: what of it is exact, what it costs, and its bad days."""
