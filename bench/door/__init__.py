"""The front door: what comes in by it, who stands before it, and how it is shared."""
