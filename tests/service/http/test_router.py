"""The router finds the route that FastAPI would, and its parameter, without FastAPI's way there."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
from corpus import examples
from fastapi import APIRouter, FastAPI
from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from service.http.router import DirectRoute, Router

ROUTES = (
    ("GET", "/livez"),
    ("POST", "/predict"),
    ("GET", "/v2/models/stats"),
    ("GET", "/v2/models/phone"),
    ("GET", "/v2/models/{model_name}"),
    ("GET", "/v2/models/phone/versions/{model_version}"),
    ("GET", "/v2/models/phone/versions/{model_version}/ready"),
    ("POST", "/v2/models/phone/versions/{model_version}/infer"),
    ("GET", "/v2/models/{model_name}/ready"),
    ("POST", "/v2/models/{model_name}/infer"),
    ("GET", "/v2/models/{model_name}/versions/{model_version}"),
    ("POST", "/v2/models/{model_name}/versions/{model_version}/infer"),
    ("POST", "/v1/models/phone:predict"),
)
SLOW = "x-passed-fastapi"


def endpoint_of(path: str) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        # which route it is, as the metrics want it, and its parameters
        return JSONResponse([path, request.scope["route"].path, request.path_params])

    return endpoint


@pytest.fixture(scope="module")
def app() -> FastAPI:
    app = FastAPI(redirect_slashes=False)
    app.router.route_class = DirectRoute
    router: APIRouter = app.router
    for method, path in ROUTES:
        router.add_api_route(path, endpoint_of(path), methods=[method])

    @app.middleware("http")
    async def marks(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers[SLOW] = "yes"
        return response

    return app


def ask(app: ASGIApp, method: str, path: str) -> httpx.Response:
    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            return await client.request(method, f"http://service{path}")

    return asyncio.run(asked())


words = st.sampled_from(
    [
        "v2",
        "v1",
        "models",
        "phone",
        "phone:predict",
        "stats",
        "versions",
        "infer",
        "ready",
        "livez",
        "predict",
    ]
)
others = st.sampled_from(["", "1", "007", "%2F", "a%2Fb", "%0A", "%C3%A4", "{model_name}", "."])
known = st.sampled_from([path for _, path in ROUTES])
paths = st.lists(words | others, max_size=7).map("/".join) | st.tuples(
    known, st.lists(words | others, min_size=2, max_size=2)
).map(lambda asked: asked[0][1:].replace("{model_name}", asked[1][0]).replace("{model_version}", asked[1][1]))


@settings(max_examples=examples(150), deadline=None)
@given(method=st.sampled_from(["GET", "POST", "DELETE"]), path=paths)
@example(method="GET", path="v2/models/phone/versions/")
@example(method="GET", path="v2/models/phone/versions/1/")
@example(method="POST", path="v2/models/stats/infer")
@example(method="GET", path="v2/models/phone/versions/versions/ready")
@example(method="GET", path="v2/models/%0A")
@example(method="POST", path="/phone:predict")
def test_every_path_gets_the_answer_that_fastapi_gives(app: FastAPI, method: str, path: str) -> None:
    found, expected = (ask(each, method, "/" + path) for each in (Router(app), app))
    assert (found.status_code, found.json()) == (expected.status_code, expected.json())


@pytest.mark.parametrize(
    ("method", "path", "direct"),
    [
        pytest.param("GET", "/livez", True, id="fixed"),
        pytest.param("GET", "/v2/models/phone/versions/3", True, id="parameter-at-the-end"),
        pytest.param("POST", "/v2/models/phone/versions/3/infer", True, id="parameter-amid"),
        pytest.param("GET", "/v2/models/other", True, id="another-model"),
        pytest.param("GET", "/v2/models/other/versions/3", False, id="two-parameters"),
        pytest.param("GET", "/nowhere", False, id="nowhere"),
        pytest.param("DELETE", "/v2/models/phone/versions/3", False, id="another-method"),
    ],
)
def test_a_route_with_a_parameter_at_most_is_reached_without_fastapi(
    app: FastAPI, method: str, path: str, direct: bool
) -> None:
    assert (SLOW not in ask(Router(app), method, path).headers) == direct


def test_whoever_may_get_an_answer_may_have_its_head_alone(app: FastAPI) -> None:
    for path in ("/livez", "/v2/models/phone/versions/3"):
        assert ask(Router(app), "HEAD", path).status_code == 200
    assert ask(Router(app), "HEAD", "/predict").status_code == 405
