"""What an answer is, the same through every door."""
