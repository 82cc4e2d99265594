"""A model version in, HTTP answers out."""
