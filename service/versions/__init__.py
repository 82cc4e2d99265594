"""The model versions that a process has loaded, and which of them answers whom."""
