"""The service's settings: environment variables `PRICERANGE_*`, or the flags of `pricerange serve`."""

import re
import warnings
from ipaddress import ip_network
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, PositiveInt, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pricerange.answer.applicability import OutOfRange
from pricerange.drift.psi import LEAST_ROWS
from pricerange.prediction_log import columns

_SERVICE_LINK = re.compile("(tcp|udp|sctp)://")
_ORIGIN = re.compile(r"https?://[^/\s,?#@]+")
PREFIX = re.compile(r"(/(?!\.+(/|$))[\w.~-]+)+", re.ASCII)
"""A prefix of paths, as a proxy may offer the service under one."""


class Settings(BaseSettings):
    """Everything that can be set; each description is the help of its flag."""

    model_config = SettingsConfigDict(
        env_prefix="PRICERANGE_", env_ignore_empty=True, frozen=True, extra="forbid"
    )

    host: str = Field(
        "127.0.0.1", min_length=1, description="Address to listen on; 0.0.0.0 for every interface"
    )
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one")
    grpc_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="Port for the Open Inference Protocol over gRPC (extra grpc); 0 picks a free one, None "
        "opens none",
    )
    models: Path = Field(Path("models"), description="Model repository")
    model_version: int | None = Field(
        None,
        ge=1,
        description="Model version to serve; None is rollout.toml's stable one, or the newest promotable one",
    )
    rollout: Path | None = Field(
        None,
        description="File that says which versions serve whom; None is rollout.toml beside the versions, and "
        "without one the newest promotable version serves",
    )
    rollout_interval: float = Field(
        2.0, ge=0.1, le=3600, description="Seconds between two looks at that file and at the versions"
    )
    rollout_state: Path | None = Field(
        None,
        description="Folder for how far a canary has come, and the history; None is the file's own",
    )
    trusted_keys: Path | None = Field(
        None,
        description="Folder of public keys (*.pem, *.pub): only versions signed with one of them are served; "
        "None asks for no signature",
    )
    provider: Literal["cpu", "cuda", "auto"] = Field(
        "cpu", description="Execution provider; auto uses CUDA if it works, otherwise the CPU"
    )
    workers: PositiveInt = Field(1, description="Number of worker processes that share the port")
    max_body_bytes: PositiveInt = Field(1_048_576, description="Maximum size of a JSON or V2 body, in bytes")
    max_rows: PositiveInt = Field(1_000, description="Maximum number of phones in a JSON or V2 request")
    max_explained_rows: PositiveInt = Field(
        1_000,
        description="Maximum number of phones explained in one request, in any form, and of requests that "
        "wait for it at once",
    )
    max_stream_bytes: int | None = Field(
        None,
        gt=0,
        description="Maximum size of a CSV, NDJSON or Arrow body, in bytes; None is no limit. An answer over "
        "1 MiB is buffered on disk, in the folder that TMPDIR names, until it is complete",
    )
    max_request_memory: int | None = Field(
        None,
        gt=0,
        description="Memory that the requests of a worker may hold at once, in bytes; None is half of "
        "what the machine or container has, shared among the workers",
    )
    max_spool_bytes: int | None = Field(
        None,
        gt=0,
        description="Disk that the long answers of a worker may take at once, in bytes; None is half of what "
        "TMPDIR has free at the start (at most a quarter of the memory, if it is in memory), shared among "
        "the workers",
    )
    max_queue_rows: PositiveInt = Field(16_384, description="Maximum number of phones waiting for the model")
    request_timeout: float = Field(
        30.0,
        gt=0,
        le=3600,
        description="Seconds to answer a request, unless X-Request-Timeout-Ms says otherwise",
    )
    receive_timeout: float = Field(
        10.0,
        gt=0,
        le=3600,
        description="Seconds to receive the head of a request, each 16 KiB of body, and a message over gRPC",
    )
    idle_timeout: float = Field(
        75.0, gt=0, le=86400, description="Seconds to keep an idle connection open between requests"
    )
    drain_delay: float = Field(
        3.0,
        ge=0,
        le=3600,
        description="Seconds to keep answering after SIGTERM, while reporting not ready",
    )
    drain_timeout: float = Field(
        5.0, ge=0, le=3600, description="Seconds after that for requests in flight to finish"
    )
    worker_timeout: float = Field(
        10.0,
        gt=0,
        le=3600,
        description="Seconds without a sign of life before a worker is killed and replaced",
    )
    api_keys_file: Path | None = Field(
        None,
        description="File of API keys, one per line, or TOML with names, roles, expiry and limits; requests "
        "must send one as Authorization: Bearer. It is read again when it changes",
    )
    tls_cert: Path | None = Field(
        None, description="Certificate chain (PEM) to serve HTTPS with; read again when it changes"
    )
    tls_key: Path | None = Field(None, description="Private key (PEM) of the certificate")
    metrics_need_key: bool = Field(False, description="Require an API key for /metrics too")
    forwarded_allow_ips: str | None = Field(
        None,
        description="Proxies whose X-Forwarded-For names the client in the access log and in traces, and "
        "whose X-Forwarded-Prefix goes before root_path: addresses and networks separated by commas, or *; "
        "None names the address that connects",
    )
    root_path: str = Field(
        "",
        description="Prefix under which a proxy offers the service, such as /ml; it may take it off or not",
    )
    page: bool = Field(True, description="Offer the page to try a phone on, at /")
    cors_origins: str | None = Field(
        None,
        description="Origins whose pages may ask: https://shop.example separated by commas, or *; None is no "
        "page but the service's own",
    )
    out_of_range: OutOfRange = Field(
        "flag",
        description="What to do with phones unlike those that the model learned from: answer them like any "
        "other, flag them in the answer, or refuse them",
    )
    cost_matrix: str | None = Field(
        None,
        description="Costs of mistakes, which add the decision of least expected cost to every answer: JSON "
        "such as [[0,1,2,3],...], or a file of JSON or CSV; row i, column j is the cost of deciding i where "
        "j is true",
    )
    abstain: bool = Field(
        False,
        description="Say in answers with prediction sets whether these leave the price range open (abstain)",
    )
    prediction_log: Path | None = Field(
        None,
        description="Folder for Parquet files of what was asked and answered, and when; None is no log",
    )
    prediction_log_sample: float = Field(
        1.0, gt=0, le=1, description="Share of the phones to log, each drawn by itself"
    )
    prediction_log_omit: str | None = Field(
        None, description="Columns to leave out of the prediction log, separated by commas"
    )
    prediction_log_hash: str | None = Field(
        None,
        description="Columns of the prediction log to hash under a key, separated by commas",
    )
    prediction_log_key_file: Path | None = Field(
        None, description="File with the secret key of these hashes, of at least 16 bytes"
    )
    prediction_log_seconds: float = Field(
        30.0,
        ge=0.05,
        le=3600,
        description="Seconds of the prediction log that a file has, and kill -9 loses",
    )
    prediction_log_max_bytes: int = Field(
        1 << 30,
        ge=1 << 24,
        description="Maximum size of the prediction log of all workers, in bytes; the oldest files leave",
    )
    prediction_log_max_age: float = Field(
        2_592_000.0, gt=0, description="Seconds after which a file of the prediction log is removed"
    )
    drift_window: int = Field(
        1_000,
        ge=LEAST_ROWS,
        description="Phones of a window, in a sample of those asked about, that is compared with what was "
        "learned (/drift)",
    )
    access_log: bool = Field(True, description="Write one JSON line per request")
    access_log_exclude: str | None = Field(
        None,
        description="Paths to leave out of the access log, separated by commas: /livez,/readyz,/metrics",
    )
    access_log_sample: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Share of the successful requests to write to the access log; errors always are",
    )
    otlp_endpoint: str | None = Field(
        None,
        description="OpenTelemetry collector that traces are sent to, by OTLP over HTTP: "
        "http://collector:4318 (extra otel); None traces nothing",
    )
    otlp_headers_file: Path | None = Field(
        None, description="File of headers for the collector, such as its key: each a line `Name: value`"
    )
    trace_sample: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Share of the requests to trace, of those whose traceparent does not decide it",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Lowest level to log; SIGUSR1 lowers it by one, SIGUSR2 raises it"
    )

    @field_validator("port", "grpc_port", mode="before")
    @classmethod
    def _port_is_not_a_service_link(cls, value: object, info: ValidationInfo) -> object:
        """Pass over what Kubernetes puts into PRICERANGE_PORT where a Service is called pricerange."""
        if isinstance(value, str) and _SERVICE_LINK.match(value):
            name = str(info.field_name)
            default = cls.model_fields[name].default
            instead = "not listening for gRPC" if default is None else f"listening on port {default}"
            service = f"pricerange_{name}".removesuffix("_port").replace("_", "-")
            warnings.warn(
                f"PRICERANGE_{name.upper()} is {value}, which Kubernetes sets for a Service named {service}; "
                f"{instead}. Set --{name.replace('_', '-')}, or enableServiceLinks: false",
                stacklevel=2,
            )
            return default
        return value

    @field_validator("host")
    @classmethod
    def _host_without_brackets(cls, host: str) -> str:
        return host[1:-1] if host.startswith("[") and host.endswith("]") else host

    @field_validator("forwarded_allow_ips")
    @classmethod
    def _proxies_are_addresses(cls, allowed: str | None) -> str | None:
        if allowed is not None and allowed.strip() != "*":
            try:
                for part in allowed.split(","):
                    ip_network(part.strip())
            except ValueError as error:
                raise ValueError(f"addresses and networks separated by commas, or * ({error})") from None
        return allowed

    @field_validator("root_path")
    @classmethod
    def _prefix_is_a_path(cls, prefix: str) -> str:
        prefix = prefix.rstrip("/")
        if prefix and not PREFIX.fullmatch(prefix):
            raise ValueError("a path such as /ml")
        return prefix

    @field_validator("cors_origins")
    @classmethod
    def _origins_are_origins(cls, listed: str | None) -> str | None:
        for origin in _names(listed):
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"origins such as https://shop.example separated by commas, or *, not {origin!r}"
                )
        return listed

    @field_validator("access_log_exclude")
    @classmethod
    def _paths_begin_with_a_slash(cls, listed: str | None) -> str | None:
        for path in _names(listed):
            if not path.startswith("/"):
                raise ValueError(f"paths separated by commas, each with a slash in front, not {path!r}")
        return listed

    @property
    def paths_not_logged(self) -> frozenset[str]:
        """Paths that the access log leaves out."""
        return frozenset(_names(self.access_log_exclude))

    @field_validator("otlp_endpoint")
    @classmethod
    def _collector_is_reached_by_http(cls, endpoint: str | None) -> str | None:
        if endpoint is not None:
            url = urlsplit(endpoint)
            if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment:
                raise ValueError("a URL such as http://collector:4318")
        return endpoint

    @field_validator("prediction_log_omit", "prediction_log_hash")
    @classmethod
    def _columns_are_known(cls, listed: str | None) -> str | None:
        unknown = [name for name in _names(listed) if name not in columns.NAMES]
        if unknown:
            raise ValueError(
                f"columns of the prediction log ({', '.join(columns.NAMES)}), not {unknown[0]!r}"
            )
        if len(set(_names(listed))) == len(columns.NAMES):
            raise ValueError("a column to be left")
        return listed

    @property
    def columns_left_out(self) -> tuple[str, ...]:
        """Columns that the prediction log does not have."""
        return _names(self.prediction_log_omit)

    @property
    def columns_hashed(self) -> tuple[str, ...]:
        """Columns of the prediction log that are hashed."""
        return _names(self.prediction_log_hash)

    @model_validator(mode="after")
    def _hashes_have_a_key(self) -> Self:
        if self.prediction_log_hash is not None and self.prediction_log_key_file is None:
            raise ValueError("prediction_log_key_file to be set when prediction_log_hash is")
        return self

    @model_validator(mode="after")
    def _queue_holds_a_request(self) -> Self:
        if self.max_queue_rows < self.max_rows:
            raise ValueError(f"max_queue_rows to be at least max_rows, {self.max_rows}")
        return self

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key must be set together")
        return self

    @model_validator(mode="after")
    def _a_key_can_be_had(self) -> Self:
        if self.metrics_need_key and self.api_keys_file is None:
            raise ValueError("api_keys_file to be set when metrics_need_key is")
        return self


def _names(listed: str | None) -> tuple[str, ...]:
    return () if listed is None else tuple(name.strip() for name in listed.split(","))
