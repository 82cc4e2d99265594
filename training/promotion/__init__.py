"""Whether a new version may be served: beside chance, a linear model and the version that serves."""
