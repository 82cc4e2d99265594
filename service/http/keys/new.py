"""A new API key, and what a file of keys says of it: not the key itself."""

import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import get_args

from pricerange.errors import SettingsError
from service.http.keys.entry import Role
from service.http.keys.file import FIELDS, NAME

_BYTES = 32


def new(name: str, roles: Sequence[str]) -> tuple[str, str]:
    """Return a random secret and its entry in TOML. Raises `SettingsError` for what is no name or role."""
    if not NAME.fullmatch(name):
        raise SettingsError("--name", FIELDS["name"], name)
    for role in roles:
        if role not in get_args(Role):
            raise SettingsError("--role", " or ".join(get_args(Role)), role)
    secret = secrets.token_urlsafe(_BYTES)
    listed = ", ".join(f'"{role}"' for role in dict.fromkeys(roles))
    digest = sha256(secret.encode()).hexdigest()
    return secret, f'[[key]]\nname = "{name}"\nsha256 = "{digest}"\nroles = [{listed}]\n'
