"""The core: what a phone is, what a model version is, how to run one. No torch, no web framework."""
