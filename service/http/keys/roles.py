"""Which role of a key a request needs, by its method and path."""

from ipaddress import ip_address

from service.http.framing.head import Head
from service.http.keys.entry import Role

_HEALTH = frozenset({"/livez", "/readyz", "/v2/health/live", "/v2/health/ready"})
_METRICS = "/metrics"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_ADMIN = ("/rollout", "/v2/repository/models")
"""Paths, and all below them, by which what is served is changed: by any method that does not only read."""
_INDEX = "/v2/repository/index"

_TO_DESCRIBE: frozenset[Role] = frozenset({"predict", "admin"})
_TO_PREDICT: frozenset[Role] = frozenset({"predict"})
_TO_READ_METRICS: frozenset[Role] = frozenset({"metrics"})
_TO_CHANGE: frozenset[Role] = frozenset({"admin"})


def free_paths(metrics_need_key: bool) -> frozenset[str]:
    """Name the paths that are answered without a key; all others need one, also those that do not exist."""
    return _HEALTH if metrics_need_key else _HEALTH | {_METRICS}


def roles_for(head: Head) -> frozenset[Role]:
    """Return the roles of which a request needs one."""
    if head.path == _METRICS:
        return _TO_READ_METRICS
    if is_admin(head):
        return _TO_CHANGE
    return _TO_DESCRIBE if head.method in _READS or head.path == _INDEX else _TO_PREDICT


def is_admin(head: Head) -> bool:
    """Return whether a request changes what is served."""
    if head.method in _READS:
        return False
    return any(head.path == path or head.path.startswith(f"{path}/") for path in _ADMIN)


def is_loopback(host: str) -> bool:
    """Return whether only programs of this machine reach an address to listen on."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
