"""The prediction log: what was asked and answered, sampled, as Parquet files that appear whole."""
