"""What an answer means: one table from HTTP status to error, and the server's own words made readable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from oscarcli.api.shapes import Shape, type_errors
from oscarcli.config.limits import is_too_deep
from oscarcli.errors import (
    AuthError,
    ForbiddenError,
    NotFoundError,
    OscarError,
    RefusedError,
    UnreachableError,
)
from oscarcli.http.failure_text import server_text, start_of
from oscarcli.http.limits import parsed

if TYPE_CHECKING:
    import httpx

# So much of an answer that is none is shown.
MAX_START_CHARACTERS = 80
# The manager's router says this where it has no route; a resource that does not exist is an empty 404
# (`oscar-api` 1.1).
NO_SUCH_ROUTE = "404 page not found"

ERRORS: Mapping[int, type[OscarError]] = {
    400: RefusedError,
    401: AuthError,
    403: ForbiddenError,
    404: NotFoundError,
    405: RefusedError,
    409: RefusedError,
    413: RefusedError,
    422: RefusedError,
    429: RefusedError,
    502: UnreachableError,
    503: UnreachableError,
    504: UnreachableError,
}

MEANINGS: Mapping[int, str] = {
    400: "the server refused it",
    401: "the credentials are not accepted",
    403: "not allowed",
    404: "it does not exist",
    409: "it conflicts with what is there",
    413: "it is too large",
    429: "too many requests; try again later",
    500: "the server failed",
    502: "nothing usable answers behind the gateway; the service may not be ready yet, or it failed",
    503: "the server cannot answer now",
    504: "the server did not answer in time",
}

# What the manager answers to a write without a document, done or made; 200 is its way to say "not you".
DONE_STATUSES = (201, 204)

HINTS: Mapping[int, str] = {
    502: "wait until it is ready, or look at the logs",
}


class ServerError(OscarError):
    """A status that says nothing but that the server failed.

    Args:
        message: as for every error.
        silent: whether the server added no word of its own.
    """

    def __init__(self, message: str, *, silent: bool = False) -> None:
        super().__init__(message)
        self.silent = silent


class NoRouteError(RefusedError):
    """The server lacks the route: it is older, or the feature is off, or the endpoint's path is wrong."""


def raise_for_status(response: httpx.Response, what: str, login_hint: str | None = None) -> None:
    """Return when the answer is a success, else raise the error of its status.

    Args:
        response: a whole answer.
        what: what was tried, such as `get service "x"`.
        login_hint: what to do when the login was refused.

    Raises:
        OscarError: a child of it, by the table in this module, else ServerError; the message is never empty.
    """
    status = response.status_code
    if 200 <= status < 300:
        return
    text = server_text(response)
    if status == 404 and (text == NO_SUCH_ROUTE or is_html(response)):
        raise NoRouteError(
            f"cannot {what}: the server has no such route ({response.request.url.path})",
            hint="check the endpoint's path; an older server, or one without the feature, lacks the route",
        )
    meaning = MEANINGS.get(status, "the server failed" if status >= 500 else "unexpected answer")
    # A bare "it does not exist" says it all; elsewhere the number helps whoever runs the server.
    number = "" if status in (401, 403, 404) else f" (HTTP {status})"
    quote = f": {text}" if text and not is_html(response) else ""
    hint = login_hint if status == 401 else HINTS.get(status)
    message = f"cannot {what}: {meaning}{number}{quote}"
    if status not in ERRORS:
        raise ServerError(message, silent=not response.content.strip())
    raise ERRORS[status](message, hint=hint)


def refuse_page(response: httpx.Response, what: str) -> None:
    """Raise OscarError when a success is a web page: something else than an OSCAR server answered."""
    if is_html(response):
        raise OscarError(
            f"cannot {what}: the answer is a web page",
            hint="check that the endpoint is that of an OSCAR server",
        )


def is_html(response: httpx.Response) -> bool:
    """Tell whether an answer is a web page, which no route of the API sends."""
    return "html" in response.headers.get("content-type", "").lower()


def endless(what: str) -> OscarError:
    """Return the error for a list whose next page is one that was there before."""
    return OscarError(f"cannot {what}: the server gives the same page again and again")


class UnconfirmedError(ServerError):
    """A success that is not the one of this route: a proxy's perhaps. Nothing says that anything was done."""


def unconfirmed(response: httpx.Response, what: str) -> UnconfirmedError | None:
    """Return an error unless a write was answered as the manager answers it when it has done it.

    Args:
        response: a successful answer.
        what: what was tried.
    """
    if response.status_code in DONE_STATUSES:
        return None
    return UnconfirmedError(
        f"cannot {what}: the server answered {response.status_code}, which does not say that it was done"
    )


def is_log(response: httpx.Response) -> bool:
    """Tell whether an answer can be a log: any text is one, but a document is not."""
    return "json" not in response.headers.get("content-type", "").lower()


def json_document(response: httpx.Response, what: str, shape: Shape) -> Any:
    """Return the answer's JSON, of which all that this program works with is of the right type.

    Args:
        response: a successful answer.
        what: what was tried.
        shape: one of `oscarcli.api.shapes`: a document, or `[shape]` for a list of them; `None` in the place
            of a list is an empty one.

    Raises:
        ForbiddenError: the body is empty; the server says so when the caller may not see the thing.
        OscarError: the body is something else.
    """
    if not response.content.strip():
        raise ForbiddenError(
            f"cannot {what}: the server answered nothing; the login may lack the permission",
        )
    try:
        found = parsed(response.content)
    except (ValueError, RecursionError) as error:
        raise OscarError(
            f"cannot {what}: the answer is not JSON but {_described(response)}",
            hint="check that the endpoint is that of an OSCAR server",
        ) from error
    if found is None and isinstance(shape, list):
        return []
    # Too deep a document cannot be walked through either.
    wrong = "it is nested too deeply" if is_too_deep(found) else next(type_errors(found, shape), None)
    if wrong is not None:
        raise OscarError(f"cannot {what}: the answer has an unexpected shape: {wrong}")
    return found


def _described(response: httpx.Response) -> str:
    kind = response.headers.get("content-type", "untyped data").partition(";")[0]
    start = start_of(response, MAX_START_CHARACTERS)
    return f'{kind} starting with "{start}"' if start else kind
