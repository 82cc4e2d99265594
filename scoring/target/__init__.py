"""Where answers go: columns, CSV and Parquet, each file whole or not at all."""
