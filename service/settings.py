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
    max_body_bytes: PositiveInt = Field(1_048_576, description="Largest request body, in bytes")
    max_rows: PositiveInt = Field(1_000, description="Most phones in one request")
    max_queue_rows: PositiveInt = Field(16_384, description="Most phones that wait for the model at once")
    drain_delay: float = Field(
        3.0, ge=0, le=3600, description="Seconds that requests are still taken after SIGTERM, unready"
    )
    drain_timeout: float = Field(
        5.0, ge=0, le=3600, description="Seconds that requests in flight get to finish after that"
    )
    access_log: bool = Field(True, description="Write one JSON line a request")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level to log")

    @model_validator(mode="after")
    def _queue_holds_a_request(self) -> Self:
        if self.max_queue_rows < self.max_rows:
            raise ValueError(f"max_queue_rows must be at least max_rows, {self.max_rows}")
        return self
