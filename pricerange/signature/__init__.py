"""Whose word a model version is: OpenSSF model signing, in a file beside what it signs."""
