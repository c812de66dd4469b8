"""One request to a provider: no redirects, and a limit of time and size whatever the other side does."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from oscarcli.errors import AuthError, OscarError, UnreachableError
from oscarcli.http.redaction import quote_line, secrets_of
from oscarcli.threads import within

if TYPE_CHECKING:
    import httpx

# For a whole exchange: a provider that sends a byte now and then must not hold a command for ever.
SECONDS = 15.0
CONNECT_SECONDS = 10.0
MAX_ANSWER_BYTES = 1 << 20
MAX_MESSAGE_CHARACTERS = 600
# Words of hints that are of no use here.
FOR_CLUSTERS = ("--timeout", "endpoint", "oscar-cli local", "before you repeat it")
ODD_HINT = "is that really a provider? a proxy between may also answer in its place"
Trace = Callable[[str], None]
Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        url: what was asked, without its query.
        status: the HTTP status.
        headers: by name, in lower case.
        text: the body.
        asked_at: when it was asked, in Unix seconds by this machine's clock.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    text: str = field(repr=False)
    asked_at: float


def exchange(
    connection: httpx.Client,
    url: str,
    *,
    what: str,
    form: Mapping[str, str] | None = None,
    trace: Trace | None = None,
) -> Answer:
    """Get a URL, or post a form to it, and return the answer whatever its status.

    Args:
        connection: what asks.
        url: whom.
        what: what is tried, for messages.
        form: what to post; its values are never shown.
        trace: is told the request and its status.

    Raises:
        AuthError: the answer is longer than any a provider has to give.
        UnreachableError: no whole answer came in time.
    """
    import httpx

    from oscarcli.http.limits import EXTENSION

    tell = trace or (lambda _text: None)
    request = connection.build_request(
        "GET" if form is None else "POST",
        url,
        data=form,
        headers={"Accept": "application/json"},
        timeout=httpx.Timeout(SECONDS, connect=min(CONNECT_SECONDS, SECONDS)),
        extensions={EXTENSION: MAX_ANSWER_BYTES},
    )
    place = str(request.url.copy_with(query=None, userinfo=b""))
    try:
        answer = within(SECONDS, lambda: _sent(connection, request, place, what))
    except (httpx.HTTPError, UnicodeError) as error:
        failure = _explained(error, what, request, secrets_of(form or {}))
        tell(f"{request.method} {place}: {failure.message}")
        raise failure from error
    except TimeoutError as error:
        tell(f"{request.method} {place}: no answer in time")
        raise UnreachableError(
            f"cannot {what}: no whole answer from {request.url.host} within {SECONDS:g} s",
            hint="try again later; 'oscar-cli doctor' looks at the cluster itself",
        ) from error
    tell(f"{request.method} {place}: {answer.status}")
    return answer


def _sent(connection: httpx.Client, request: httpx.Request, place: str, what: str) -> Answer:
    from oscarcli.http.limits import BodyError, limit_body

    asked_at = time.time()
    response = connection.send(request, stream=True, follow_redirects=False)
    try:
        limit_body(response)
        body = response.read()
    except BodyError as error:
        raise AuthError(f"cannot {what}: the provider's answer {error}", hint=ODD_HINT) from error
    finally:
        response.close()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(place, response.status_code, headers, body.decode("utf-8", "replace"), asked_at)


def _explained(
    error: httpx.HTTPError | UnicodeError, what: str, request: httpx.Request, secrets: list[str]
) -> OscarError:
    """Return the error to show; what cures a cluster's connection is not always a cure here."""
    from oscarcli.http.failures import explain

    found = explain(error, what, request)
    if found.hint is None or any(word in found.hint for word in FOR_CLUSTERS):
        found.hint = f"check the network and the issuer's address ({request.url.host}), then try again"
    # A broken answer is quoted, and may hold what was sent.
    return UnreachableError(quote_line(found.message, secrets, MAX_MESSAGE_CHARACTERS), hint=found.hint)
