"""The way to an endpoint: one look-up for a route whose path is fixed, FastAPI's own way for the rest."""

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send


class DirectRoute(APIRoute):
    """A route whose endpoint takes the request and gives the response: FastAPI only describes it."""


def _methods(route: DirectRoute) -> set[str]:
    """Return the methods of a route: who may get an answer may have its head alone."""
    methods = route.methods or set()
    return methods | {"HEAD"} if "GET" in methods else methods


class Router:
    """ASGI application: answers direct routes itself and leaves documents and refusals to FastAPI.

    A request for such a route passes no middleware, no dependency and no second validation, which together
    cost several times what the model does.
    """

    def __init__(self, app: FastAPI) -> None:
        self._app: ASGIApp = app
        self._routes: dict[tuple[str, str], DirectRoute] = {}
        self._beginnings: dict[str, dict[tuple[str, str], DirectRoute]] = {}
        for route in app.routes:
            if isinstance(route, DirectRoute):
                for method in _methods(route):
                    self._add(method, route)

    def _add(self, method: str, route: DirectRoute) -> None:
        """Have a route looked up, by its path or, with one parameter, by what stands before and behind it."""
        begin, parameter, rest = route.path.partition("/{")
        end = rest.partition("}")[2]
        if not parameter:
            self._routes[method, route.path] = route
        elif "{" not in end:
            self._beginnings.setdefault(begin + "/", {})[method, end] = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        route = self._routes.get((scope["method"], scope["path"])) or self._with_parameter(scope)
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = route
        response = await route.endpoint(Request(scope, receive))
        await response(scope, receive, send)

    def _with_parameter(self, scope: Scope) -> DirectRoute | None:
        """Look for a route that has one parameter, and note its value."""
        path: str = scope["path"]
        for begin, routes in self._beginnings.items():
            if path.startswith(begin):
                value, slash, end = path[len(begin) :].partition("/")
                route = routes.get((scope["method"], slash + end))
                if route is not None and value:
                    scope["path_params"] = {next(iter(route.param_convertors)): value}
                    return route
        return None
