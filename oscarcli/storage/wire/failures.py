"""What goes wrong between this program and a server of any protocol, and the errors to tell it by."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from oscarcli.errors import (
    AuthError,
    ForbiddenError,
    NotFoundError,
    OscarError,
    RefusedError,
    StorageFullError,
    UnreachableError,
)
from oscarcli.storage.cancel import Cancellation, Cancelled
from oscarcli.storage.system_limits import hint_of, reason_of

if TYPE_CHECKING:
    from oscarcli.network.proxies import Proxy
    from oscarcli.storage.outage import Outage

MAX_ANSWER_CHARACTERS = 300
UNREACHABLE_HINT = "check the endpoint in the service's storage_providers or in the cluster's configuration"
# A store that is down, seen through the proxy in front of it or while it starts.
AWAY_STATUS = (502, 503, 504)


class StatusError(Exception):
    """A server answered that it does not do what it was asked for.

    Args:
        status: of HTTP.
        text: the server's words.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status} {text[:MAX_ANSWER_CHARACTERS]}")
        self.status = status
        self.text = text


class ParameterError(Exception):
    """A parameter of a request cannot be one, such as the name of a bucket."""


class BrokenConnectionError(Exception):
    """A connection ended in the middle of a request or of its answer."""


class BrokenBodyError(BrokenConnectionError):
    """The content of an object ended before its end."""


class SilentServerError(Exception):
    """Nothing was heard of a server for as long as one waits for it."""


class NoConnectionError(Exception):
    """Requests cannot travel to a store.

    Args:
        reason: why, to go on behind what was tried.
        hint: what to do.
        is_transient: whether another attempt may help.
    """

    def __init__(self, reason: str, hint: str | None, *, is_transient: bool = False) -> None:
        super().__init__(reason)
        self.reason_told = reason
        self.hint = hint
        self.is_transient = is_transient


class RefusedConnectionError(NoConnectionError):
    """Nobody listens at a store's address, at this moment at least."""

    def __init__(self) -> None:
        super().__init__(f"no connection: {os.strerror(errno.ECONNREFUSED)}", UNREACHABLE_HINT)


def is_away(error: Exception) -> bool:
    """Tell whether what a client raised means that a store is down, as while it is restarted.

    Not a silence: to wait for an answer in time is patience enough.
    """
    if isinstance(error, StatusError):
        return error.status in AWAY_STATUS
    return isinstance(error, (RefusedConnectionError, BrokenConnectionError))


def is_answer(error: Exception) -> bool:
    """Tell whether what a client raised came from the store itself."""
    return isinstance(error, StatusError) and error.status not in AWAY_STATUS


def wait_or_raise(
    error: Exception, told: Exception, outage: Outage, delay: float, cancellation: Cancellation | None
) -> None:
    """Wait when a failure was that of a store that is away; else raise what is told of it.

    Args:
        error: what a client raised.
        told: what to raise for it.
        outage: of the store.
        delay: before another attempt, in seconds.
        cancellation: ends the waiting.

    Raises:
        Exception: `told`.
        Cancelled: the waiting was called off.
    """
    if is_away(error):
        told.__cause__ = error
        outage.wait(told, delay, cancellation)
        return
    if is_answer(error):
        outage.end()
    raise told from error


def failure(error: Exception, doing: str) -> Exception:
    """Return the error to raise for what a client raised.

    Args:
        error: any exception of a call.
        doing: what was tried, such as `read "b/k" from minio.default`.
    """
    if isinstance(error, (OscarError, Cancelled)):
        return error
    if isinstance(error, StatusError):
        said = error.text.strip()[:MAX_ANSWER_CHARACTERS] or "no reason given"
        return class_of(error.status)(f"{doing}: the server answered {error.status} ({said})")
    if isinstance(error, NoConnectionError):
        return UnreachableError(f"{doing}: {error.reason_told}", hint=error.hint)
    if isinstance(error, BrokenConnectionError):
        return UnreachableError(f"{doing}: the connection broke")
    if isinstance(error, SilentServerError):
        return UnreachableError(f"{doing}: no answer in time", hint=UNREACHABLE_HINT)
    if isinstance(error, ParameterError):
        return RefusedError(f"{doing}: {error}")
    if isinstance(error, OSError):
        return OscarError(f"{doing}: {reason_of(error)}", hint=hint_of(error))
    return OscarError(f"{doing}: {type(error).__name__}: {str(error)[:MAX_ANSWER_CHARACTERS]}")


def class_of(status: int) -> type[OscarError]:
    """Return the kind of error that a status of HTTP stands for."""
    if status in (401, 403):
        return AuthError if status == 401 else ForbiddenError
    if status == 404:
        return NotFoundError
    if status in AWAY_STATUS:
        return UnreachableError
    if status == 507:
        return StorageFullError
    return RefusedError if 400 <= status < 500 else OscarError


def is_refused(causes: Iterable[BaseException]) -> bool:
    """Tell whether nobody listened at an address."""
    return any(isinstance(cause, ConnectionRefusedError) for cause in causes)


def unreachable_proxy(causes: list[BaseException], proxy: Proxy) -> tuple[str, str] | None:
    """Return why there was no connection to a proxy and what to do, `None` when it is for neither reason."""
    if any(isinstance(cause, (socket.gaierror, UnicodeError)) for cause in causes):
        return f"the host name of the proxy {proxy.place} is not known", proxy.hint()
    if is_refused(causes):
        return f"the proxy {proxy.place} refuses connections", proxy.hint()
    return None


def reason_below(error: Exception) -> str:
    """Return the words of the operating system or of the TLS library at the bottom of an exception."""
    for inner in chain(error):
        if isinstance(inner, ssl.SSLCertVerificationError):
            return str(inner.verify_message)
        if isinstance(inner, ssl.SSLError):
            return str(inner.reason or "the handshake failed")
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
    return type(error).__name__


def chain(error: BaseException, *, until: BaseException | None = None) -> Iterator[BaseException]:
    """Yield an exception and everything it wraps: botocore and urllib3 each have a way of their own.

    Args:
        error: the outermost one.
        until: neither this one is wanted nor what it wraps.
    """
    seen = {id(until)}
    waiting: list[Any] = [error]
    while waiting:
        current = waiting.pop(0)
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        wrapped = getattr(current, "kwargs", None)
        waiting += [wrapped.get("error")] if isinstance(wrapped, dict) else []
        waiting += [getattr(current, "reason", None), *current.args, current.__cause__, current.__context__]
