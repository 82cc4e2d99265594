"""Scoring in small pieces, so that a table of a few rows has many blocks and parts."""

import pytest
from scoring_tables import SMALL, SMALL_BLOCK_BYTES, SMALL_LINES_BYTES

from pricerange.tables import ndjson_file
from pricerange.tables.csv import file as csv_file
from pricerange.tables.source import blocks


@pytest.fixture
def small_parts(monkeypatch):
    for name, value in SMALL.items():
        monkeypatch.setattr(blocks, name, value)
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", SMALL_BLOCK_BYTES)
    monkeypatch.setattr(ndjson_file, "BLOCK_BYTES", SMALL_LINES_BYTES)
