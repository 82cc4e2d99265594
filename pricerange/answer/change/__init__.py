"""What would change an answer: values of features, one by one and in pairs, on a lattice."""
