"""The routes of the protocol."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from service.http.openapi import body_of, compressed_body_of, problem_responses
from service.model.time_slices import TimeSlices
from service.open_inference.protocol import OpenInference
from service.v2.answer import OCTETS
from service.v2.infer import InferEndpoint
from service.v2.messages import (
    IndexEntry,
    IndexRequest,
    InferRequest,
    InferResponse,
    Live,
    LoadRequest,
    ModelMetadata,
    ModelReady,
    Ready,
    ServerMetadata,
    UnloadRequest,
)
from service.v2.model_control import ModelControl
from service.v2.paths import OF_MODEL
from service.v2.query import HEADER_LENGTH
from service.v2.repository import RepositoryEndpoints

BODIES = (InferRequest, IndexRequest, LoadRequest, UnloadRequest)
"""Models of the bodies that endpoints read themselves, for the OpenAPI document."""

_BYTES = {OCTETS: {"schema": {"type": "string", "format": "binary"}}}
_Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class _Route:
    """A route and what the OpenAPI document says of it; `answer` is the type of its JSON."""

    method: str
    path: str
    endpoint: _Endpoint
    summary: str
    answer: Any
    errors: tuple[int, ...] = ()
    answer_content: dict[str, Any] = field(default_factory=dict)
    request: dict[str, Any] = field(default_factory=dict)

    def add_to(self, router: APIRouter) -> None:
        ok = {"model": self.answer, "content": self.answer_content}
        router.add_api_route(
            self.path,
            self.endpoint,
            methods=[self.method],
            summary=self.summary,
            responses={200: ok, **problem_responses(*self.errors)},
            openapi_extra=self.request,
            tags=["Open Inference Protocol V2"],
        )


def add_v2(
    router: APIRouter, name: str, protocol: OpenInference, slices: TimeSlices, max_body_bytes: int
) -> None:
    """Add the routes to a router.

    Those of a model are added by the paths of the served one, called `name`, which are looked up, and as they
    are documented, with more parameters: these are reached by the names of other models only.
    """
    repository, control = RepositoryEndpoints(protocol.description), ModelControl(protocol.repository)
    infer = InferEndpoint(protocol.inference, slices, max_body_bytes)
    for route in (*_of_server(repository), *_of_repository(control)):
        route.add_to(router)
    for route in _of_model(repository, infer):
        for path, names in OF_MODEL.items():
            own_path = path.replace("{model_name}", name) + route.path
            router.add_api_route(own_path, route.endpoint, methods=[route.method], include_in_schema=False)
            _documented(route, path, names, repository.other_model).add_to(router)


def _of_server(repository: RepositoryEndpoints) -> list[_Route]:
    return [
        _Route("GET", "/v2", repository.server, "The server and its extensions", ServerMetadata),
        _Route("GET", "/v2/health/live", repository.live, "The process is alive", Live),
        _Route("GET", "/v2/health/ready", repository.ready, "The service is ready", Ready, (503,)),
        _Route(
            "GET", "/v2/models/stats", repository.all_statistics, "Statistics of all models", dict[str, Any]
        ),
    ]


def _of_repository(control: ModelControl) -> list[_Route]:
    def optional(message: type[BaseModel]) -> dict[str, Any]:
        return {"requestBody": body_of(message)["requestBody"] | {"required": False}}

    name = {"name": "model_name", "in": "path", "required": True, "schema": {"type": "string"}}
    errors = (400, 403, 404, 408, 409, 413, 503, 504)
    return [
        _Route(
            "POST",
            "/v2/repository/index",
            control.index,
            "The versions of the model and their states",
            list[IndexEntry],
            errors=(400, 408, 413, 503, 504),
            request=optional(IndexRequest),
        ),
        *(
            _Route(
                "POST",
                f"/v2/repository/models/{{model_name}}/{verb}",
                endpoint,
                about,
                dict[str, Any],
                errors=errors,
                request={**optional(message), "parameters": [name]},
            )
            for verb, endpoint, about, message in (
                ("load", control.load, "Load the versions that the rollout names", LoadRequest),
                ("unload", control.unload, "Have no version answer until it is loaded", UnloadRequest),
            )
        ),
    ]


def _of_model(repository: RepositoryEndpoints, infer: InferEndpoint) -> list[_Route]:
    header_length = {
        "name": HEADER_LENGTH,
        "in": "header",
        "description": "Length of the JSON object in bytes, if a tensor's bytes follow it",
        "schema": {"type": "integer", "minimum": 0},
    }
    body = compressed_body_of(InferRequest)["requestBody"]
    body["content"] |= _BYTES
    return [
        _Route("GET", "", repository.metadata, "Inputs and outputs of the model", ModelMetadata),
        _Route("GET", "/ready", repository.model_ready, "The model is ready", ModelReady, (503,)),
        _Route("GET", "/config", repository.config, "The model's config.pbtxt", dict[str, Any]),
        _Route("GET", "/stats", repository.statistics, "The model's statistics", dict[str, Any]),
        _Route(
            "POST",
            "/infer",
            infer.infer,
            "Price ranges of many phones",
            InferResponse,
            errors=(400, 408, 413, 415, 503, 504),
            answer_content=_BYTES,
            request={"requestBody": body, "parameters": [header_length]},
        ),
    ]


def _documented(route: _Route, path: str, names: tuple[str, ...], endpoint: _Endpoint) -> _Route:
    in_path = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    return replace(
        route,
        path=path + route.path,
        endpoint=endpoint,
        errors=(404, *route.errors),
        request={**route.request, "parameters": [*in_path, *route.request.get("parameters", ())]},
    )
