"""KServe's V1 protocol, as TensorFlow Serving has it: instances in, predictions and explanations out."""
