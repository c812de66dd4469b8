"""The server itself: its health, its clock, and whether it takes the login."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from oscarcli.cli.doctor.model import CheckError, Found, Outcome, Patient
from oscarcli.errors import AuthError, ExitCode, ForbiddenError, NotFoundError, OscarError, UnreachableError

if TYPE_CHECKING:
    from oscarcli.api.client import Client
    from oscarcli.api.system import HealthAnswer

# S3 refuses requests that are this much off: RequestTimeTooSkewed.
MOST_SKEW = timedelta(minutes=15)
NOTABLE_SKEW = timedelta(minutes=1)


def health(patient: Patient) -> Found:
    """Ask the server how it is, without a login."""
    from oscarcli.api.system import probe_health

    session = patient.session
    try:
        answer = probe_health(
            patient.url,
            tls=patient.cluster.tls,
            seconds=patient.seconds,
            trace=session.trace if session.debug else None,
        )
    except UnreachableError as error:
        raise _silent(patient, error) from error
    patient.health = answer
    _require_oscar(patient, answer)
    if _origin(answer.url) != _origin(patient.url):
        return Found(
            f"well, but the answer comes from {_origin(answer.url)}",
            Outcome.WARNING,
            "the server redirects; logins and changes are not sent along to another place",
            patient.store_again(_origin(answer.url)),
        )
    return Found("the cluster says that it is well")


def _silent(patient: Patient, error: UnreachableError) -> OscarError:
    """Return why a server that takes connections gives no answer."""
    from oscarcli.network.certificate import speaks_tls

    if not patient.route.is_tls and speaks_tls(patient.route, patient.seconds):
        return _speaks_tls(patient)
    return CheckError(
        error.message,
        cause="something else than an OSCAR server listens there, or the server hangs",
        next=error.hint or "oscar-cli doctor --debug",
        code=ExitCode.UNREACHABLE,
    )


def _speaks_tls(patient: Patient) -> CheckError:
    return CheckError(
        f"{patient.route.host}:{patient.route.port} wants TLS",
        cause="the endpoint begins with http://, and the server has https://",
        next=patient.store_again(patient.url.replace("http:", "https:", 1)),
        code=ExitCode.UNREACHABLE,
    )


def _require_oscar(patient: Patient, answer: HealthAnswer) -> None:
    """Raise CheckError when the answer is not that of an OSCAR server that is well."""
    from oscarcli.network.certificate import speaks_tls

    if answer.status == 400 and not patient.route.is_tls and speaks_tls(patient.route, patient.seconds):
        raise _speaks_tls(patient)
    if answer.is_page:
        raise CheckError(
            f"a web page answers (HTTP {answer.status})",
            cause="something else than OSCAR is at the endpoint: a login portal, a dashboard, a proxy",
            next=patient.store_again("https://HOST"),
            code=ExitCode.UNREACHABLE,
        )
    if answer.status in (401, 403, 404, 405):
        raise CheckError(
            f"there is no /health at {patient.url} (HTTP {answer.status})",
            cause="another server is at the endpoint, or its path is wrong",
            next=patient.store_again("https://HOST"),
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


def clock(patient: Patient) -> Found:
    """Compare this machine's clock with the server's."""
    skew = patient.health.skew if patient.health is not None else None
    if skew is None:
        return Found("the server tells no time", Outcome.NOTE)
    distance = abs(skew)
    direction = "behind" if skew > timedelta(0) else "ahead of"
    text = f"this machine is {_duration(distance)} {direction} the server"
    cause = "the clock of this machine, or of the server, is not kept by the network"
    following = "timedatectl set-ntp true"
    if distance > MOST_SKEW:
        raise CheckError(
            text,
            cause=f"{cause}; object stores refuse requests that are 15 minutes off, and tokens look expired",
            next=following,
            code=ExitCode.FAILED,
        )
    if distance > NOTABLE_SKEW:
        return Found(text, Outcome.WARNING, cause, following)
    return Found(f"at most {_duration(distance + timedelta(seconds=1))} apart from the server's")


def _duration(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def credentials(patient: Patient) -> Found:
    """Log in."""
    from oscarcli.api.responses import NoRouteError
    from oscarcli.api.system import get_info

    chosen = patient.cluster
    if chosen.login == "basic" and not chosen.auth_user:
        raise CheckError(
            "no user and no password are stored",
            cause="the cluster was added without a login, or the entry was edited by hand",
            next=f"oscar-cli cluster add {chosen.identifier} {patient.url} USERNAME --force",
            code=ExitCode.AUTH,
        )
    try:
        with client_of(patient) as client:
            patient.info = get_info(client)
    except (NoRouteError, NotFoundError) as error:
        raise _another_server(patient, error.message) from error
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
            next=error.hint or patient.store_again(patient.url),
            code=ExitCode.AUTH,
        ) from error
    if not isinstance(patient.info.get("version"), str):
        raise _another_server(patient, "the answer has no version")
    return Found(f"accepted, {'user ' + chosen.auth_user if chosen.login == 'basic' else chosen.login}")


def _another_server(patient: Patient, finding: str) -> CheckError:
    return CheckError(
        finding,
        cause="another server than OSCAR answers at the endpoint, or its path is wrong",
        next=patient.store_again("https://HOST"),
        code=ExitCode.UNREACHABLE,
    )


def client_of(patient: Patient) -> Client:
    """Return a client of the cluster that tries once and waits no longer than a check may."""
    from oscarcli.api.auth import auth_for
    from oscarcli.api.client import Client

    return Client(
        patient.cluster.endpoint,
        auth_for(patient.cluster, patient.session.logins),
        tls=patient.cluster.tls,
        timeout=patient.seconds,
        retries=False,
        trace=patient.session.trace if patient.session.debug else None,
    )
