"""Pages of other origins may call exposed services, as the manager tells the gateway of a real cluster.

Origins, methods and headers are the manager's defaults; the rest is what the gateway, NGINX, makes of them.
The listener refuses pages of other hosts before, so of these origins those of this machine are left, and what
`--allow-host` names.
"""

from __future__ import annotations

from oscarcli.local.http.messages import Request, Response

ORIGINS = frozenset(
    (
        "https://dashboard.oscar.grycap.net",
        "https://dashboard-devel.oscar.grycap.net",
        "https://dashboard-demo.oscar.grycap.net",
        "http://oscar.oscar.svc.cluster.local",
        "http://host.docker.internal",
        "http://localhost",
        "http://localhost:5173",
    )
)
METHODS = "GET, PUT, POST, DELETE, PATCH, HEAD"
HEADERS = "Authorization, Content-Type"
MAX_AGE_SECONDS = 1_728_000


def cors_headers(request: Request) -> dict[str, str]:
    """Return the headers that let a page read the answer; none when its origin may not."""
    origin = request.headers.get("origin", "")
    if origin.lower() not in ORIGINS:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": HEADERS,
        "Access-Control-Max-Age": str(MAX_AGE_SECONDS),
    }


def preflight_answer(headers: dict[str, str]) -> Response:
    """Return the answer to OPTIONS, which the service does not see."""
    return Response(204, {**headers, "Content-Type": "text/plain charset=UTF-8"})


def add_cors_headers(response: Response, headers: dict[str, str]) -> None:
    """Put headers into an answer, in the place of the service's own."""
    if headers:
        names = {name.lower() for name in headers}
        kept = {name: value for name, value in response.headers.items() if name.lower() not in names}
        response.headers = {**kept, **headers}
        response.further_headers = [pair for pair in response.further_headers if pair[0].lower() not in names]
