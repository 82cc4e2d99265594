"""`/predict/batch`: many phones in one request, as JSON, CSV or an Arrow stream."""
