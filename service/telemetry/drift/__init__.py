"""Whether what is asked is still like what was learned: a sample of it, counted by all workers together."""
