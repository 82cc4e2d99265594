"""`POST /predict`: one phone, one answer."""
