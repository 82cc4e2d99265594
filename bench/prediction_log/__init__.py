"""What `bench.prediction_log` measures, a module each."""
