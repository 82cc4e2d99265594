"""Keeps pyarrow from importing pandas where it is installed, for what nothing here needs.

That takes longer than to score a thousand rows, and would stop a service at its first table.
"""

import sys
from importlib.abc import MetaPathFinder


class _NoPandas(MetaPathFinder):
    """Finds no pandas."""

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is not needed", name=fullname)


def leave_out_pandas() -> None:
    """Let no import of pandas succeed from now on, in this process."""
    sys.meta_path.insert(0, _NoPandas())
