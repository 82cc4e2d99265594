"""The processes: who starts, listens, logs, and leaves without losing a request."""
