"""The server itself: its health, its clock, and whether it takes the login."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from oscarcli.cli.doctor.model import CheckError, CheckOutcome, Context, StepResult
from oscarcli.errors import AuthError, ExitCode, ForbiddenError, NotFoundError, OscarError, UnreachableError

if TYPE_CHECKING:
    from oscarcli.api.client import Client
    from oscarcli.api.system import HealthAnswer

# S3 refuses requests that are this much off: RequestTimeTooSkewed.
MAX_CLOCK_SKEW = timedelta(minutes=15)
NOTABLE_SKEW = timedelta(minutes=1)


def health(context: Context) -> StepResult:
    """Ask the server how it is, without a login."""
    from oscarcli.api.system import probe_health

    session = context.session
    try:
        answer = probe_health(
            context.url,
            tls=context.cluster.tls,
            seconds=context.seconds,
            trace=session.trace if session.debug else None,
        )
    except UnreachableError as error:
        raise _silent(context, error) from error
    context.health = answer
    _require_oscar(context, answer)
    if _origin(answer.url) != _origin(context.url):
        return StepResult(
            f"well, but the answer comes from {_origin(answer.url)}",
            CheckOutcome.WARNING,
            "the server redirects; logins and changes are not sent along to another place",
            context.store_again(_origin(answer.url)),
        )
    return StepResult("the cluster says that it is well")


def _silent(context: Context, error: UnreachableError) -> OscarError:
    """Return why a server that takes connections gives no answer."""
    from oscarcli.network.certificate import speaks_tls

    if not context.route.is_tls and speaks_tls(context.route, context.seconds):
        return _speaks_tls(context)
    return CheckError(
        error.message,
        cause="something else than an OSCAR server listens there, or the server hangs",
        next=error.hint or "oscar-cli doctor --debug",
        code=ExitCode.UNREACHABLE,
    )


def _speaks_tls(context: Context) -> CheckError:
    return CheckError(
        f"{context.route.host}:{context.route.port} wants TLS",
        cause="the endpoint begins with http://, and the server has https://",
        next=context.store_again(context.url.replace("http:", "https:", 1)),
        code=ExitCode.UNREACHABLE,
    )


def _require_oscar(context: Context, answer: HealthAnswer) -> None:
    """Raise CheckError when the answer is not that of an OSCAR server that is well."""
    from oscarcli.network.certificate import speaks_tls

    if answer.status == 400 and not context.route.is_tls and speaks_tls(context.route, context.seconds):
        raise _speaks_tls(context)
    if answer.is_page:
        raise CheckError(
            f"a web page answers (HTTP {answer.status})",
            cause="something else than OSCAR is at the endpoint: a login portal, a dashboard, a proxy",
            next=context.store_again("https://HOST"),
            code=ExitCode.UNREACHABLE,
        )
    if answer.status in (401, 403, 404, 405):
        raise CheckError(
            f"there is no /health at {context.url} (HTTP {answer.status})",
            cause="another server is at the endpoint, or its path is wrong",
            next=context.store_again("https://HOST"),
            code=ExitCode.UNREACHABLE,
        )
    if not 200 <= answer.status < 300:
        raise CheckError(
            f"the cluster is not well: HTTP {answer.status}{f': {answer.body[:200]}' if answer.body else ''}",
            cause="OSCAR itself, or what stands in front of it, fails",
            next="ask whoever runs the cluster, or try again later",
            code=ExitCode.UNREACHABLE,
        )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def clock(context: Context) -> StepResult:
    """Compare this machine's clock with the server's."""
    skew = context.health.skew if context.health is not None else None
    if skew is None:
        return StepResult("the server tells no time", CheckOutcome.NOTE)
    distance = abs(skew)
    direction = "behind" if skew > timedelta(0) else "ahead of"
    text = f"this machine is {_duration(distance)} {direction} the server"
    cause = "the clock of this machine, or of the server, is not kept by the network"
    following = "timedatectl set-ntp true"
    if distance > MAX_CLOCK_SKEW:
        raise CheckError(
            text,
            cause=f"{cause}; object stores refuse requests that are 15 minutes off, and tokens look expired",
            next=following,
            code=ExitCode.FAILED,
        )
    if distance > NOTABLE_SKEW:
        return StepResult(text, CheckOutcome.WARNING, cause, following)
    return StepResult(f"at most {_duration(distance + timedelta(seconds=1))} apart from the server's")


def _duration(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def credentials(context: Context) -> StepResult:
    """Log in."""
    from oscarcli.api.responses import NoRouteError
    from oscarcli.api.system import get_info

    chosen = context.cluster
    if chosen.login == "basic" and not chosen.auth_user:
        raise CheckError(
            "no user and no password are stored",
            cause="the cluster was added without a login, or the entry was edited by hand",
            next=f"oscar-cli cluster add {chosen.identifier} {context.url} USERNAME --force",
            code=ExitCode.AUTH,
        )
    try:
        with client_of(context) as client:
            context.info = get_info(client)
    except (NoRouteError, NotFoundError) as error:
        raise _another_server(context, error.message) from error
    except ForbiddenError as error:
        raise CheckError(
            error.message,
            cause="the login is accepted, but its group or organisation may not use this cluster",
            next="ask whoever runs the cluster to let you in",
            code=ExitCode.AUTH,
        ) from error
    except AuthError as error:
        raise CheckError(
            error.message,
            cause="the user or the password is wrong, or was changed"
            if chosen.login == "basic"
            else "the login gives no token that the cluster accepts",
            next=error.hint or context.store_again(context.url),
            code=ExitCode.AUTH,
        ) from error
    if not isinstance(context.info.get("version"), str):
        raise _another_server(context, "the answer has no version")
    return StepResult(f"accepted, {'user ' + chosen.auth_user if chosen.login == 'basic' else chosen.login}")


def _another_server(context: Context, finding: str) -> CheckError:
    return CheckError(
        finding,
        cause="another server than OSCAR answers at the endpoint, or its path is wrong",
        next=context.store_again("https://HOST"),
        code=ExitCode.UNREACHABLE,
    )


def client_of(context: Context) -> Client:
    """Return a client of the cluster that tries once and waits no longer than a check may."""
    from oscarcli.api.auth import auth_for
    from oscarcli.api.client import Client

    return Client(
        context.cluster.endpoint,
        auth_for(context.cluster, context.session.logins),
        tls=context.cluster.tls,
        timeout=context.seconds,
        retries=False,
        trace=context.session.trace if context.session.debug else None,
    )
