"""The routes of the protocol."""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, NamedTuple

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from service.http.openapi import compressed_body_of, problem_responses
from service.model.explanation import ExplanationOfAnswer
from service.model.write import AnswerOfPhone
from service.v1.endpoints import ModelEndpoints
from service.v1.instances import InstancesRequest

BODIES = (InstancesRequest,)
"""Models of the bodies that endpoints read themselves, for the OpenAPI document."""
_TAGS: list[str | Enum] = ["KServe V1"]
_MODEL = "/v1/models/{model_name}"


class Models(BaseModel):
    """The models that are served."""

    models: list[str]


class Readiness(BaseModel):
    """The model is ready."""

    name: str
    ready: bool


class Predictions(BaseModel):
    """The answers to the instances, in their order."""

    predictions: list[AnswerOfPhone]


class Explanations(Predictions):
    """The answers to the instances, in their order, and why each is what it is."""

    explanations: list[ExplanationOfAnswer] = Field(description="One for each of the predictions")


class _Route(NamedTuple):
    """A route of a model; `answer` is the type of its JSON."""

    method: str
    verb: str
    endpoint: Callable[[Request], Awaitable[Response]]
    summary: str
    answer: type[BaseModel]
    errors: tuple[int, ...]
    request: dict[str, Any]


def add_v1(router: APIRouter, name: str, endpoints: ModelEndpoints) -> None:
    """Add the routes to a router.

    Those of a model are added by the path of the served one, called `name`, which is fixed and therefore
    looked up, and as they are documented, with a parameter: these are reached by the names of others only.
    """
    router.add_api_route(
        "/v1/models",
        endpoints.models,
        methods=["GET"],
        summary="The models",
        responses={200: {"model": Models}},
        tags=_TAGS,
    )
    in_path = {"name": "model_name", "in": "path", "required": True, "schema": {"type": "string"}}
    for route in _of_model(endpoints):
        own_path = _MODEL.format(model_name=name) + route.verb
        router.add_api_route(own_path, route.endpoint, methods=[route.method], include_in_schema=False)
        router.add_api_route(
            _MODEL + route.verb,
            endpoints.other_model,
            methods=[route.method],
            summary=route.summary,
            responses={200: {"model": route.answer}, **problem_responses(404, *route.errors)},
            openapi_extra={**route.request, "parameters": [in_path]},
            tags=_TAGS,
        )


def _of_model(endpoints: ModelEndpoints) -> tuple[_Route, ...]:
    body, errors = compressed_body_of(InstancesRequest), (400, 408, 413, 415, 422, 503, 504)
    return (
        _Route(
            "POST", ":predict", endpoints.predict, "Price ranges of many phones", Predictions, errors, body
        ),
        _Route(
            "POST",
            ":explain",
            endpoints.explain,
            "Price ranges of many phones, and why",
            Explanations,
            errors,
            body,
        ),
        _Route("GET", "", endpoints.ready, "The model is ready", Readiness, (503,), {}),
    )
