"""Where a file names API keys, a request needs one of them as `Authorization: Bearer`."""

from time import time

from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import ExpiredKeyError, ForbiddenError, MissingKeyError, WrongKeyError
from service.http.framing.head import Head
from service.http.keys.key import Key
from service.http.keys.known import KnownKeys
from service.http.keys.roles import is_admin, roles_for
from service.http.request_state import RequestState


class ApiKeys:
    """ASGI application: hands on the requests whose key has the role, before anyone reads their bodies."""

    def __init__(self, app: ASGIApp, known: KnownKeys, free: frozenset[str]) -> None:
        self._app = app
        self._known = known
        self._publication = known.publication
        self._free = free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request. Raises what `check` raises."""
        self.check(RequestState.of(scope))
        await self._app(scope, receive, send)

    def check(self, state: RequestState) -> None:
        """Look for a key where one is needed, and note it.

        Most clients send one head over and over, which keeps its key as long as the file is the same. Raises
        `MissingKeyError`, `WrongKeyError`, `ExpiredKeyError` or `ForbiddenError`.
        """
        head = state.head
        key = head.key
        if key is None or key.generation != self._publication.generation:
            if head.path in self._free:
                return
            key = self._key_of(head)
        state.key = key
        if key.expires is not None and time() >= key.expires:
            raise ExpiredKeyError(key.name)
        if key is not head.key:
            if key.roles.isdisjoint(roles := roles_for(head)):
                raise ForbiddenError(f"the API key {key.name} needs the role {' or '.join(sorted(roles))}")
            head.key = key

    def _key_of(self, head: Head) -> Key:
        scheme, _, secret = head.by_name.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not secret.strip():
            raise MissingKeyError
        key = self._known.find(secret.strip())
        if key is None:
            raise WrongKeyError
        return key


class WithoutKeys:
    """ASGI application: where nobody can prove who he is, hands on the requests that change nothing.

    And the others where the listener `is_local`, as long as they do not come from a web page.
    """

    def __init__(self, app: ASGIApp, *, is_local: bool) -> None:
        self._app = app
        self._is_local = is_local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request. Raises `ForbiddenError`."""
        self.check(RequestState.of(scope))
        await self._app(scope, receive, send)

    def check(self, state: RequestState) -> None:
        """Refuse what changes what is served. Raises `ForbiddenError`."""
        head = state.head
        if is_admin(head) and (not self._is_local or b"origin" in head.by_name):
            raise ForbiddenError(
                "an API key with the role admin is needed (setting api_keys_file); without keys this is "
                "allowed only where host is a loopback address and forwarded_allow_ips is not set, and to no "
                "web page (header Origin)"
            )
