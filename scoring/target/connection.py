"""Object stores as obstore reaches them: by the URIs, keys and variables by which pyarrow reads from them."""

import configparser
import os
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from obstore.store import GCSStore, S3Store
from pyarrow import fs

from pricerange.tables.source.uri import Uri

if TYPE_CHECKING:
    from obstore.store import ClientConfig, GCSCredential, ObjectStore, RetryConfig, S3Config, S3Credential

_ATTEMPTS = 2
"""Requests without an answer before a store is given up: each has a share of the seconds for it."""


@cache
def connected(system: str, seconds: float) -> "ObjectStore":
    """Return the store of a URI's bucket, given up after about so many seconds without an answer.

    Raises `OSError` where there is no such bucket, `ValueError` for certificates that cannot be read.
    """
    named = Uri.of(system)
    client: ClientConfig = {
        "timeout": timedelta(seconds=seconds / _ATTEMPTS),
        "connect_timeout": timedelta(seconds=seconds / _ATTEMPTS),
    }
    retry: RetryConfig = {"retry_timeout": timedelta(seconds=seconds)}
    bucket = named.path.partition("/")[0]
    return (_gs if named.scheme == "gs" else _s3)(named, bucket, client, retry)


def _s3(named: Uri, bucket: str, client: "ClientConfig", retry: "RetryConfig") -> S3Store:
    given = named.parameters
    config: S3Config = {}
    endpoint, region = _s3_endpoint(named), given.get("region")
    if not (region or endpoint):
        region = fs.resolve_s3_region(bucket)
    if region:
        config["region"] = region
    if not endpoint and "scheme" in given:
        endpoint = f"{given['scheme']}://s3.{region}.amazonaws.com"
    if endpoint:
        config["endpoint"] = endpoint
        client["allow_http"] = endpoint.startswith("http:")
    if "tls_ca_file_path" in given:
        client["root_certificate"] = _certificates(given["tls_ca_file_path"])
    key = _s3_key(named)
    return S3Store(
        bucket,
        config=config,
        client_options=client,
        retry_config=retry,
        # a key from a URI stands alone: a session token that the environment has belongs to another
        credential_provider=(lambda: key) if key else None,
    )


def _certificates(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"the certificates in {path} cannot be read: {error.strerror}") from error


def _s3_endpoint(named: Uri) -> str | None:
    given = named.parameters
    scheme = given.get("scheme", "https")
    if "endpoint_override" in given:
        return f"{scheme}://{given['endpoint_override']}"
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return endpoint if not endpoint or "://" in endpoint else f"{scheme}://{endpoint}"


def _s3_key(named: Uri) -> "S3Credential | None":
    """Return the key that a URI or a file of AWS's has, None where obstore has to look for one itself."""
    if named.key:
        return _credential(named.key, named.secret, None)
    if "AWS_ACCESS_KEY_ID" in os.environ:
        return None
    profile = os.environ.get("AWS_PROFILE", "default")
    folder = Path("~/.aws").expanduser()
    for variable, name, section in (
        ("AWS_SHARED_CREDENTIALS_FILE", "credentials", profile),
        ("AWS_CONFIG_FILE", "config", profile if profile == "default" else f"profile {profile}"),
    ):
        file = configparser.RawConfigParser(default_section="")
        file.read(os.environ.get(variable, folder / name))
        if file.has_option(section, "aws_access_key_id"):
            found = file[section]
            token = found.get("aws_session_token")
            return _credential(found["aws_access_key_id"], found.get("aws_secret_access_key", ""), token)
    return None


def _credential(key: str, secret: str, token: str | None) -> "S3Credential":
    return {"access_key_id": key, "secret_access_key": secret, "token": token, "expires_at": None}


def _gs(named: Uri, bucket: str, client: "ClientConfig", retry: "RetryConfig") -> GCSStore:
    given = named.parameters
    endpoint = None
    if "endpoint_override" in given or "scheme" in given:
        host = given.get("endpoint_override", "storage.googleapis.com")
        endpoint = f"{given.get('scheme', 'https')}://{host}"
        client["allow_http"] = endpoint.startswith("http:")
    nobody: GCSCredential = {"token": "", "expires_at": None}
    return GCSStore(
        bucket,
        config={"base_url": endpoint} if endpoint else None,
        client_options=client,
        retry_config=retry,
        # obstore would look for a token even where it is told to sign nothing
        credential_provider=(lambda: nobody) if named.key == "anonymous" else None,
    )
