"""A model version and files of phones in, files of answers out."""
