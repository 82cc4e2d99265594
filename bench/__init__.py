"""What the figures in the documents rest on: `python -m bench.NAME` prints each."""
