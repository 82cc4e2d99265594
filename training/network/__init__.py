"""What is trained: preprocessing, layers, a head that knows its loss, the weights at the start."""
