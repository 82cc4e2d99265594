"""Files of API keys in TOML, and what requests send."""

from collections.abc import Sequence
from pathlib import Path


def secret(name: str) -> str:
    return f"secret-of-{name}-0123"


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def entry(name: str, *more: str, key: str | None = None, roles: Sequence[str] = ("predict",)) -> str:
    """A table for a key; `more` are lines such as `rows_per_second = 5`."""
    listed = ", ".join(f'"{role}"' for role in roles)
    lines = [f'name = "{name}"', f'key = "{key or secret(name)}"', f"roles = [{listed}]", *more]
    return "\n".join(["[[key]]", *lines, ""])


def write(path: Path, *entries: str) -> Path:
    """Put a file in the place of another, whole."""
    new = path.with_suffix(".new")
    new.write_text("\n".join(entries))
    return new.replace(path)
