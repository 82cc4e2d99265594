"""Doing it: blocks answered, shards written, on one machine or on many."""
