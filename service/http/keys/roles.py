"""Which role of a key a request needs, by its method and path."""

from ipaddress import ip_address

from service.http.framing.head import Head
from service.http.keys.entry import Role

_HTTP_HEALTH = frozenset({"/livez", "/readyz", "/v2/health/live", "/v2/health/ready"})
_METRICS = "/metrics"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_ADMIN = ("/rollout", "/v2/repository/models")
"""Paths, and all below them, by which what is served is changed: by any method that does not only read."""
_INDEX = "/v2/repository/index"

INFERENCE_SERVICE = "inference.GRPCInferenceService"
HEALTH_SERVICE = "grpc.health.v1.Health"
REFLECTION_SERVICE = "grpc.reflection.v1alpha.ServerReflection"
"""What is served over gRPC: the paths of their methods, all asked by POST, begin with these names."""


def _paths(service: str, *methods: str) -> frozenset[str]:
    return frozenset(f"/{service}/{method}" for method in methods)


_GRPC_HEALTH = _paths(HEALTH_SERVICE, "Check", "Watch") | _paths(
    INFERENCE_SERVICE, "ServerLive", "ServerReady"
)
_GRPC_DESCRIBES = _paths(REFLECTION_SERVICE, "ServerReflectionInfo") | _paths(
    INFERENCE_SERVICE,
    *("ServerMetadata", "ModelReady", "ModelMetadata", "ModelConfig", "ModelStatistics", "RepositoryIndex"),
)
_GRPC_ADMIN = _paths(INFERENCE_SERVICE, "RepositoryModelLoad", "RepositoryModelUnload")

_TO_DESCRIBE: frozenset[Role] = frozenset({"predict", "admin"})
_TO_PREDICT: frozenset[Role] = frozenset({"predict"})
_TO_READ_METRICS: frozenset[Role] = frozenset({"metrics"})
_TO_CHANGE: frozenset[Role] = frozenset({"admin"})


def free_paths(metrics_need_key: bool) -> frozenset[str]:
    """Name the paths that are answered without a key; all others need one, also those that do not exist."""
    free = _HTTP_HEALTH | _GRPC_HEALTH
    return free if metrics_need_key else free | {_METRICS}


def roles_for(head: Head) -> frozenset[Role]:
    """Return the roles of which a request needs one."""
    if head.path == _METRICS:
        return _TO_READ_METRICS
    if is_admin(head):
        return _TO_CHANGE
    describes = head.method in _READS or head.path == _INDEX or head.path in _GRPC_DESCRIBES
    return _TO_DESCRIBE if describes else _TO_PREDICT


def is_admin(head: Head) -> bool:
    """Return whether a request changes what is served."""
    if head.method in _READS:
        return False
    return head.path in _GRPC_ADMIN or any(
        head.path == path or head.path.startswith(f"{path}/") for path in _ADMIN
    )


def is_loopback(host: str) -> bool:
    """Return whether only programs of this machine reach an address to listen on."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
