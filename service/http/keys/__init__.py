"""API keys: who may ask for what, until when, and for how many phones a second."""
