"""Sizes by which a table of a few rows has many blocks and parts."""

SMALL = {"BLOCK_ROWS": 3, "PART_ROWS": 12, "PART_BYTES": 1_500}
SMALL_BLOCK_BYTES = 400
