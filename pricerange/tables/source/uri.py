"""URIs of tables: which file system one names, and which path of it; nothing of a URI is dropped."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from urllib.parse import unquote, unquote_to_bytes

from pyarrow import fs

from pricerange.tables.errors import UnreadableTableError

SECONDS = 60.0
"""How long a source may take to answer where nothing else is asked for."""
_MOST_NAMED = 3
_ATTEMPTS = 3
"""How often S3 is asked, each time for a share of the seconds: one at least, since it counts whole ones."""
_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://([^/?#]*)([^?]*)(?:\?(.*))?", re.DOTALL)
_PARAMETERS = {
    "s3": ("region", "scheme", "endpoint_override", "tls_ca_file_path"),
    "gs": ("scheme", "endpoint_override", "project_id"),
}
_SCHEMES = {"file": "file", "s3": "s3", "gs": "gs", "gcs": "gs"}


def is_uri(source: str) -> bool:
    """Whether an argument is a URI and no path."""
    return _URI.match(source) is not None


def without_secret(uri: str) -> str:
    """Return a URI without the key and the secret that may stand before its host, be there a `/` in them."""
    return re.sub(r"(?<=://)([^/@]*@|[^/@]*:[^@]*@)", "", uri)


def named(source: str) -> str:
    """Return what people call an argument, none of it a secret."""
    return "standard input" if source == "-" else without_secret(source)


def waited_for(sources: Sequence[str], seconds: float, written: Sequence[str] = ()) -> str:
    """Say what is waited for where nothing comes: sources, and what is written to; secrets are left out."""
    shown = list(map(named, sources[:_MOST_NAMED]))
    if len(sources) > _MOST_NAMED:
        shown.append(f"{len(sources) - _MOST_NAMED} more")
    *others, last = [*shown, *map(without_secret, written)]
    listed = f"{', '.join(others)} and {last}" if others else last
    if not any(map(is_uri, [*sources, *written])):
        return listed
    return f"{listed}; an object store that does not answer is given up after about {seconds:g} s"


@dataclass(frozen=True, slots=True)
class Uri:
    """A URI in its parts, decoded; `path` begins with the bucket, where the file system has buckets."""

    scheme: str
    path: str
    key: str = ""
    secret: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, source: str) -> "Uri":
        """Read a URI: `?` begins a query where there are buckets, and `#` is a character like others.

        Raises `UnreadableTableError` for what would mean nothing to the file system.
        """
        shown = without_secret(source)
        try:
            return cls._of(source)
        except ValueError as error:
            raise UnreadableTableError(shown, str(error)) from error

    @classmethod
    def _of(cls, source: str) -> "Uri":
        found = _URI.fullmatch(source)
        scheme = _SCHEMES.get(found[1].lower()) if found else None
        if found is None or scheme is None:
            raise ValueError("expected a URI that begins with file://, s3:// or gs://")
        authority, path, query = found[2], found[3], found[4]
        if scheme == "file":
            if authority.lower() not in {"", "localhost"}:
                raise ValueError("expected file:/// and an absolute path, without a host")
            return cls(scheme, _decoded(path + ("" if query is None else f"?{query}")))
        user, _, bucket = authority.rpartition("@")
        key, _, secret = user.partition(":")
        if ":" in bucket:
            raise ValueError(
                "expected a bucket's name without a port; a host is named by `?endpoint_override=HOST:PORT`, "
                "and a `/` in a secret is written as %2F"
            )
        if not bucket:
            raise ValueError("it names no bucket")
        if scheme == "gs" and user not in {"", "anonymous"}:
            raise ValueError("the only user that may stand before a bucket of gs:// is anonymous")
        parameters = {} if query is None else _parameters(scheme, query)
        place = f"{_decoded(bucket)}{_decoded(path)}".rstrip("/")
        return cls(scheme, place, unquote(key), unquote(secret), parameters)


def _parameters(scheme: str, query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for parameter in query.split("&"):
        name, _, value = parameter.partition("=")
        if name not in _PARAMETERS[scheme] or not value or name in found or "?" in value or "#" in value:
            raise ValueError(
                f"the query has {parameter!r}, expected {', '.join(_PARAMETERS[scheme])}, each once and with "
                "a value; a `?` that is a wildcard, or part of a name, is written as %3F"
            )
        found[name] = _decoded(value)
    return found


def _decoded(text: str) -> str:
    if re.search("%(?![0-9A-Fa-f]{2})", text):
        raise ValueError("a `%` that begins no escape is written as %25")
    try:
        decoded = unquote_to_bytes(text).decode()
    except UnicodeDecodeError as error:
        raise ValueError("its escapes are not UTF-8") from error
    if "\0" in decoded:
        raise ValueError("no name has a NUL character")
    return decoded


@cache
def file_system(uri: str, seconds: float) -> fs.FileSystem:
    """Return the file system of a URI, this machine's where it is empty.

    A request is given up after about so many seconds. Raises `UnreadableTableError`, `OSError` or
    `ArrowException`.
    """
    if not uri:
        return fs.LocalFileSystem()
    named = Uri.of(uri)
    if named.scheme == "gs":
        return fs.GcsFileSystem(
            anonymous=named.key == "anonymous",
            retry_time_limit=timedelta(seconds=seconds),
            **named.parameters,
        )
    return _s3(named, seconds)


def _s3(named: Uri, seconds: float) -> fs.S3FileSystem:
    options = dict(named.parameters)
    # as Arrow itself does where it reads URIs
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint and "endpoint_override" not in options:
        scheme, mark, host = endpoint.rpartition("://")
        options |= {"endpoint_override": host, **({"scheme": scheme} if mark else {})}
    if not {"region", "endpoint_override"} & options.keys():
        options["region"] = fs.resolve_s3_region(named.path.partition("/")[0])
    if named.key:
        options |= {"access_key": named.key, "secret_key": named.secret}
    return fs.S3FileSystem(
        **options,
        connect_timeout=seconds / _ATTEMPTS,
        request_timeout=seconds / _ATTEMPTS,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
    )
