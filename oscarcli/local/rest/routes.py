"""The router: a table of method and path to handler, with the manager's manners for everything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oscarcli.local.answers import route_missing
from oscarcli.local.http.messages import Request, Response
from oscarcli.local.users.access import ADMIN, RequestCaller

if TYPE_CHECKING:
    from oscarcli.local.cluster import LocalCluster

# Go's strconv.ParseBool.
TRUE_WORDS = ("1", "t", "T", "TRUE", "true", "True")


@dataclass(frozen=True)
class Call:
    """One request at a handler: the cluster, the request, and the values of the path's placeholders.

    `caller` is who sent it, where the route asks for a login.
    """

    cluster: LocalCluster
    request: Request
    values: Sequence[str]
    caller: RequestCaller = ADMIN

    @property
    def name(self) -> str:
        """The first placeholder: a service or a bucket."""
        return self.values[0]

    def flag(self, name: str) -> bool:
        """Return a query parameter as Go reads a boolean; anything odd is false."""
        return self.request.query.get(name) in TRUE_WORDS


Handler = Callable[[Call], Response]


@dataclass(frozen=True)
class Route:
    """A handler and where it lives. A `{placeholder}` in `path` stands for one segment.

    `basic` says whether the cluster's credentials or a user's token are needed; other handlers judge for
    themselves.
    """

    method: str
    path: str
    handler: Handler
    basic: bool = True

    def match(self, segments: Sequence[str]) -> list[str] | None:
        """Return the placeholders' values, `None` when the path is another."""
        wanted = self.path.split("/")
        if len(wanted) != len(segments):
            return None
        values = []
        for pattern, segment in zip(wanted, segments, strict=True):
            if pattern.startswith("{"):
                if not segment:
                    return None
                values.append(segment)
            elif pattern != segment:
                return None
        return values


class Router:
    """Finds the route of a request.

    Args:
        routes: in order; the first that matches counts, so fixed words stand before placeholders.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = routes

    def find(self, method: str, path: str) -> tuple[Route, list[str]] | None:
        """Return the route of a decoded path and its placeholders' values."""
        segments = path.split("/")
        for route in self._routes:
            if route.method == method and (values := route.match(segments)) is not None:
                return route, values
        return None

    def missing(self, request: Request) -> Response:
        """Answer a request without a route: the same path without its last slash may have one."""
        path = request.path
        if len(path) > 1 and path.endswith("/") and self.find(request.method, path[:-1]):
            query = f"?{request.raw_query}" if request.raw_query else ""
            location = request.raw_path[:-1] + query
            return Response(301 if request.method == "GET" else 307, {"Location": location})
        return route_missing()
