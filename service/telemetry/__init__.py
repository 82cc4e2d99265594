"""What the service tells of itself: counts that all workers share, metrics, the access log."""
