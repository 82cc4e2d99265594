"""The OpenAPI document: bodies by the models that validate them, errors by the one problem body."""

from http import HTTPStatus
from typing import Any, Literal

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service.errors import CONTENT_CODINGS
from service.http.body import JSON
from service.http.problems import PROBLEM_JSON, ProblemDetails

_REF = "#/components/schemas/{model}"
_PROBLEM = {PROBLEM_JSON: {"schema": {"$ref": _REF.format(model=ProblemDetails.__name__)}}}


def body_of(*models: type[BaseModel]) -> dict[str, Any]:
    """Describe a JSON body that the endpoint reads itself (`openapi_extra` of a route): one of the models."""
    refs = [{"$ref": _REF.format(model=model.__name__)} for model in models]
    schema = {"anyOf": refs} if len(refs) > 1 else refs[0]
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}


def compressed_body_of(*models: type[BaseModel]) -> dict[str, Any]:
    """Describe what `body_of` does, of a body that may be compressed."""
    document = body_of(*models)
    document["requestBody"]["description"] = f"May have a Content-Encoding: {', '.join(CONTENT_CODINGS)}"
    return document


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors of a route (`responses` of a route)."""
    return {status: {"description": HTTPStatus(status).phrase, "content": _PROBLEM} for status in statuses}


class DocumentedApp(FastAPI):
    """A FastAPI application whose document also holds the models of bodies that endpoints read themselves.

    `free_of_keys` are the paths that need no API key; None where none does.
    """

    def __init__(
        self, *models: type[BaseModel], free_of_keys: frozenset[str] | None = None, **settings: Any
    ) -> None:
        super().__init__(**settings)
        self._free_of_keys = free_of_keys
        documented: tuple[type[BaseModel], ...] = (*models, ProblemDetails)
        self._models: list[tuple[type[BaseModel], Literal["validation"]]] = [
            (model, "validation") for model in documented
        ]

    def openapi(self) -> dict[str, Any]:
        """Return the document, made once."""
        if self.openapi_schema is not None:
            return self.openapi_schema
        document = super().openapi()
        _, schemas = models_json_schema(self._models, ref_template=_REF)
        document["components"]["schemas"].update(schemas["$defs"])
        for schema in document["components"]["schemas"].values():
            _omit_empty_defaults(schema)
        if self._free_of_keys is not None:
            _declare_keys(document, self._free_of_keys)
        return document


def _omit_empty_defaults(schema: dict[str, Any]) -> None:
    """Take away the defaults of members that answers leave out: to generators they say that each is there."""
    for member in schema.get("properties", {}).values():
        if "default" in member and member["default"] in (None, [], ""):
            del member["default"]


def _declare_keys(document: dict[str, Any], free: frozenset[str]) -> None:
    document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, operations in document["paths"].items():
        if path not in free:
            for method, operation in operations.items():
                operation["security"] = [{"key": []}]
                statuses = (401, 403, 429) if method == "post" else (401, 403)
                operation["responses"].update({str(k): v for k, v in problem_responses(*statuses).items()})
