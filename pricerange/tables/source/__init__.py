"""What is scored: which files there are, and their rows as a stream of blocks."""
