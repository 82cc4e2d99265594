"""The file of API keys: TOML with a table `[[key]]` for each, or a key a line."""

import re
import tomllib
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from pricerange import regular_file
from pricerange.errors import MissingFileError, SettingsError, UnreadableFileError
from service.http.keys.entry import MOST_KEYS, Entry, Role

MOST_BYTES = 512 * MOST_KEYS
"""Twice what the longest entries take."""
_FEWEST_CHARACTERS = 16
# what RFC 6750 lets stand behind `Bearer`: b64token
_SECRET = r"[A-Za-z0-9._~+/-]+=*"
_PLAIN_SECRET = re.compile(_SECRET.encode())
_TABLE = re.compile(rb"^[ \t]*\[\[[ \t]*key[ \t]*\]\]", re.MULTILINE)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
"""Of a key: it stands in the log and in the metrics."""
_PLACE = re.compile(r"\(at (line \d+, column \d+|end of document)\)")
_PLAIN_ROLES: frozenset[Role] = frozenset({"predict", "metrics"})
_NAMED_DIGITS = 8
"""Hexadecimal digits of its digest that name a key of a line."""

_SECRETS = f"at least {_FEWEST_CHARACTERS} letters, digits and -._~+/ (= only at the end)"
FIELDS = {
    "name": "1 to 64 letters, digits and . _ @ -, the first of them a letter or digit",
    "key": _SECRETS,
    "sha256": "64 hexadecimal digits",
    "roles": "a list of predict, metrics and admin, or of some of them",
    "expires": "a date and time with an offset, such as 2027-01-31T00:00:00Z",
    "rows_per_second": "a number from 0.001 to 1e9",
}
"""What is expected of the fields of a table."""


class _Table(BaseModel):
    """A table `[[key]]`, whose secret or its SHA-256 must be there."""

    model_config = ConfigDict(strict=True, extra="forbid")

    name: Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
    key: Annotated[str, Field(pattern=f"^{_SECRET}$", min_length=_FEWEST_CHARACTERS)] | None = None
    sha256: Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$")] | None = None
    roles: Annotated[list[Role], Field(min_length=1)]
    expires: AwareDatetime | None = None
    rows_per_second: Annotated[float, Field(ge=0.001, le=1e9)] | None = None


def read(path: Path) -> bytes:
    """Return the content of a file. Raises `SettingsError`."""
    try:
        content, size = regular_file.read(path, MOST_BYTES)
    except MissingFileError:
        raise _unfit("a readable file (No such file or directory)", str(path)) from None
    except UnreadableFileError as error:
        raise _unfit(f"a readable file ({error.reason})", str(path)) from None
    if size > MOST_BYTES:
        raise _unfit(f"at most {MOST_BYTES} bytes", f"{size} in {path}")
    return content


def entries_of(content: bytes, path: Path) -> tuple[Entry, ...]:
    """Return the keys in the content of a file, in their order.

    Raises `SettingsError`, which names the line or the entry and never the key.
    """
    is_toml = path.suffix == ".toml" or _TABLE.search(content)
    entries = tuple(_of_tables(content, path) if is_toml else _of_lines(content, path))
    if not entries:
        raise _unfit("at least one key, one per line or [[key]] table", f"none in {path}")
    if len(entries) > MOST_KEYS:
        raise _unfit(f"at most {MOST_KEYS} keys", f"{len(entries)} in {path}")
    return entries


def _of_lines(content: bytes, path: Path) -> Iterable[Entry]:
    """Yield the keys of lines; blank lines and those that begin with # are left out."""
    digests: dict[bytes, None] = {}
    for number, line in enumerate(content.splitlines(), 1):
        key = line.strip()
        if not key or key.startswith(b"#"):
            continue
        if len(key) < _FEWEST_CHARACTERS or not _PLAIN_SECRET.fullmatch(key):
            raise _unfit(f"keys of {_SECRETS}", f"an invalid key in line {number} of {path}")
        digests[sha256(key).digest()] = None
    for digest in digests:
        yield Entry(digest.hex()[:_NAMED_DIGITS], digest, _PLAIN_ROLES)


def _of_tables(content: bytes, path: Path) -> Iterable[Entry]:
    try:
        document = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        # the parser may quote what it found, which may be a key
        place = _PLACE.search(str(error))
        raise _unfit("TOML in UTF-8", f"none at {place[1]} of {path}" if place else str(path)) from None
    tables = document.pop("key", [])
    if document or not isinstance(tables, list):
        raise _unfit("nothing but [[key]] tables", f"something else in {path}")
    places: dict[bytes, int] = {}
    limits: dict[str, float | None] = {}
    for number, table in enumerate(tables, 1):
        where = f"entry {number} of {path}"
        entry = _of_table(table, where)
        first = places.setdefault(entry.digest, number)
        if first != number:
            raise _unfit("each key once", f"that of entry {first} again in {where}")
        if limits.setdefault(entry.name, entry.rows_per_second) != entry.rows_per_second:
            raise _unfit(
                "the same rows_per_second for all keys of one name",
                f"another one for {entry.name!r} in {where}",
            )
        yield entry


def _of_table(table: object, where: str) -> Entry:
    try:
        found = _Table.model_validate(table)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = details["loc"][0] if details["loc"] else None
        if field not in FIELDS:
            raise _unfit(f"the fields {', '.join(FIELDS)}", f"something else in {where}") from None
        what = "none" if details["type"] == "missing" else "something else"
        raise _unfit(f"{field} to be {FIELDS[str(field)]}", f"{what} in {where}") from None
    if (found.key is None) == (found.sha256 is None):
        raise _unfit("either key or sha256", f"{'none' if found.key is None else 'both'} in {where}")
    digest = sha256(found.key.encode()).digest() if found.key else bytes.fromhex(found.sha256 or "")
    return Entry(found.name, digest, frozenset(found.roles), found.expires, found.rows_per_second)


def _unfit(expected: str, found: str) -> SettingsError:
    return SettingsError("api_keys_file", expected, found)
