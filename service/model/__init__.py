"""Between requests and the model: bodies to rows, rows to runs of the model, probabilities to text."""
