"""The parts of `bench.http`, and what the service is measured beside."""
