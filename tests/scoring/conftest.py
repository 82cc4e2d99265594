"""Scoring in small pieces, so that a table of a few rows has many blocks and parts."""

import re

import pytest
from scoring_tables import SMALL, SMALL_BLOCK_BYTES, SMALL_LINES_BYTES

from pricerange.tables.csv import file as csv_file
from pricerange.tables.json import file as json_file
from pricerange.tables.source import blocks
from scoring.target import lease


@pytest.fixture
def small_parts(monkeypatch):
    for name, value in SMALL.items():
        monkeypatch.setattr(blocks, name, value)
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", SMALL_BLOCK_BYTES)
    monkeypatch.setattr(json_file, "BLOCK_BYTES", SMALL_LINES_BYTES)


@pytest.fixture
def key(s3, request):
    """Lend a key that no other test writes below or beside."""
    name = re.sub(r"\W+", "-", request.node.name)
    return f"{name}/out"


@pytest.fixture
def quick_renewal(monkeypatch):
    """Let a run that waits for a lock soon see that another renews it."""
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.1)


@pytest.fixture
def short_lease(monkeypatch, quick_renewal):
    """Let the lock of a run that was killed be taken soon, though a machine under load may be slow."""
    monkeypatch.setattr(lease, "LEASE_SECONDS", 3.0)
