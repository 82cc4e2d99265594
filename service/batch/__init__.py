"""`/predict/batch`: many phones in one request, as JSON, NDJSON, CSV or an Arrow stream."""
