"""The way to the cluster: its name, a connection, TLS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from oscarcli.cli.doctor.model import CheckError, CheckOutcome, Context, StepResult
from oscarcli.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from oscarcli.network.certificate import Certificate

SOON = timedelta(days=14)
CAUSES = {
    "expired": "the certificate was not renewed in time, or this machine's clock is wrong",
    "not yet": "the certificate is new, or this machine's clock is behind",
    "self-signed": "nobody but the server itself vouches for it",
    "unknown issuer": "this machine does not know who signed it, or the server leaves out the chain to it",
    "other name": "the certificate is for another host than the endpoint names",
}


def host_name(context: Context) -> StepResult:
    """Look up the host's address, or the proxy's."""
    from oscarcli.network.route import is_address, resolve

    with _what_next(context):
        route = context.route
    host = route.first[0]
    if is_address(host):
        return StepResult(f"{host} is an address" + (" of a proxy" if route.proxy else ""))
    with _what_next(context):
        addresses = resolve(host, context.seconds)
    through = f", the proxy for {route.host}" if route.proxy else ""
    return StepResult(f"{host} is {', '.join(addresses[:3])}{through}")


def connection(context: Context) -> StepResult:
    """Open a connection."""
    from oscarcli.network.route import connect_first

    with _what_next(context):
        connect_first(context.route, context.seconds).close()
    return StepResult(f"{context.route.place} takes connections")


def certificate(context: Context) -> StepResult:
    """Look at the server's certificate as a request does."""
    from oscarcli.network.certificate import look_at_certificate

    if not context.route.is_tls:
        return StepResult("none: the endpoint begins with http://", CheckOutcome.NOTE)
    with _what_next(context):
        found = look_at_certificate(context.route, context.seconds)
    if found.verify_failure is not None:
        return _untrusted(context, found)
    text = f"signed by {found.issuer or 'nobody with a name'}{_until(found)}"
    if found.until is not None and found.until - datetime.now(timezone.utc) < SOON:
        return StepResult(
            text,
            CheckOutcome.WARNING,
            "the certificate ends soon and was not renewed",
            "tell whoever runs the server",
        )
    if not context.cluster.ssl_verify:
        return StepResult(
            f"{text}, but not verified",
            CheckOutcome.WARNING,
            "the configuration has ssl_verify: false, though the certificate is trusted",
            context.store_again(context.url),
        )
    return StepResult(text)


@contextmanager
def _what_next(context: Context) -> Iterator[None]:
    """Tell the cause of a failure, and what to do about it, where it does not tell them itself."""
    from oscarcli.network.proxies import is_this_machine
    from oscarcli.network.route import ProbeError

    try:
        yield
    except ConfigError as error:
        raise CheckError(
            error.message,
            cause="the environment names a proxy that is none"
            if "_PROXY" in error.message
            else "a file that the cluster's entry or the environment names was moved, or is of another kind",
            next=error.hint or "oscar-cli cluster list",
            code=ExitCode.CONFIG,
        ) from error
    except ProbeError as error:
        if error.hint is None and context.route.proxy:
            error.hint = context.route.proxy.hint()
        elif error.hint is None and is_this_machine(context.route.host):
            error.hint = "oscar-cli local start, if it is a cluster of this machine"
        else:
            error.hint = (
                error.hint or f"check the endpoint and the network: {context.store_again('https://HOST')}"
            )
        raise


def _until(found: Certificate) -> str:
    return f", until {found.until:%Y-%m-%d}" if found.until is not None else ""


def _untrusted(context: Context, found: Certificate) -> StepResult:
    from oscarcli.network.tls_failures import described_parts, distrust_reason

    cause = CAUSES.get(found.kind, "OpenSSL rejects it")
    described = ", ".join(described_parts(found))
    text = f"not trusted: {distrust_reason(found)}" + (f" ({described})" if described else "")
    if not context.cluster.ssl_verify:
        return StepResult(
            f"{text}; and not verified",
            CheckOutcome.WARNING,
            f"the configuration has ssl_verify: false; {cause}",
            context.store_again(context.url, "--ca-file PATH") + ", with the certificate of its authority",
        )
    raise CheckError(text, cause=cause, next=_what_to_do(context, found), code=ExitCode.UNREACHABLE)


def _what_to_do(context: Context, found: Certificate) -> str:
    from oscarcli.network.tls_failures import trust_hint

    trusting = context.store_again(context.url, "--ca-file PATH")
    unverified = context.store_again(context.url, "--disable-ssl")
    if found.kind == "expired":
        return f"tell whoever runs the server; until then: {unverified}"
    if found.kind == "other name":
        return f"store the cluster with an endpoint that the certificate is for: {context.store_again('https://NAME')}"
    if found.kind == "self-signed":
        return f"if it is the right one, trust it: {trusting}; or, for a server of your own: {unverified}"
    if found.kind == "unknown issuer":
        return f"name the certificate of its authority: {trusting}"
    return trust_hint(found, context.route)
