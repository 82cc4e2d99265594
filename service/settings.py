"""The service's settings: environment variables `PRICERANGE_*`, or the flags of `pricerange serve`."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Everything that can be set; each description is the help of its flag."""

    model_config = SettingsConfigDict(env_prefix="PRICERANGE_", frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for every interface")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one")
    models: Path = Field(Path("models"), description="Model repository")
    model_version: int | None = Field(None, ge=1, description="Version to serve; the newest if None")
    provider: Literal["cpu", "cuda", "auto"] = Field(
        "cpu", description="Execution provider; auto is CUDA where it works, else the CPU"
    )
    workers: PositiveInt = Field(1, description="Number of processes on the port")
    max_body_bytes: PositiveInt = Field(1_048_576, description="Largest body of JSON or V2, in bytes")
    max_rows: PositiveInt = Field(1_000, description="Most phones in one request, as JSON or V2")
    max_stream_bytes: int | None = Field(
        None,
        gt=0,
        description="Largest body of CSV or Arrow, in bytes; no limit if None. An answer over 1 MiB waits on "
        "the disk, in the folder that TMPDIR names, until it is complete",
    )
    max_queue_rows: PositiveInt = Field(16_384, description="Most phones that wait for the model at once")
    request_timeout: float = Field(
        30.0, gt=0, le=3600, description="Seconds to an answer, where X-Request-Timeout-Ms says no other"
    )
    receive_timeout: float = Field(
        10.0, gt=0, le=3600, description="Seconds for the head of a request, and for each 16 KiB of its body"
    )
    idle_timeout: float = Field(
        75.0, gt=0, le=86400, description="Seconds that a connection is kept between two requests"
    )
    drain_delay: float = Field(
        3.0, ge=0, le=3600, description="Seconds that requests are still taken after SIGTERM, unready"
    )
    drain_timeout: float = Field(
        5.0, ge=0, le=3600, description="Seconds that requests in flight get to finish after that"
    )
    api_keys_file: Path | None = Field(
        None, description="File with one key a line; requests need one as Authorization: Bearer"
    )
    metrics_need_key: bool = Field(False, description="Ask for a key at /metrics too")
    access_log: bool = Field(True, description="Write one JSON line a request")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level to log")

    @model_validator(mode="after")
    def _queue_holds_a_request(self) -> Self:
        if self.max_queue_rows < self.max_rows:
            raise ValueError(f"max_queue_rows must be at least max_rows, {self.max_rows}")
        return self

    @model_validator(mode="after")
    def _a_key_can_be_had(self) -> Self:
        if self.metrics_need_key and self.api_keys_file is None:
            raise ValueError("api_keys_file must be set where metrics_need_key is")
        return self
