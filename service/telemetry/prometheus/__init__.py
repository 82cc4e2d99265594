"""What Prometheus reads, by what it is about, and the texts that it reads it in."""
