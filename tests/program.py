"""Programs that tests need and that pip does not install."""

import os
import shutil

import pytest

NOT_INSTALLED = "not installed: "
"""How the reason begins why a test was skipped that needs another program."""


def require(program: str, package: str) -> None:
    """Skip the test where a program is missing, but let it fail in CI (PRICERANGE_CI)."""
    if shutil.which(program) is None:
        reason = f"{NOT_INSTALLED}{program} (`apt install {package}`)"
        assert not os.environ.get("PRICERANGE_CI"), reason
        pytest.skip(reason)
