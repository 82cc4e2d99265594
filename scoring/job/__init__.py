"""What is to be done, and what is done: files, model and target, the manifest, the summary."""
