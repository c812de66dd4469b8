"""What the cluster says of itself after the login: its version, and its object store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from oscarcli.cli.doctor.model import CheckError, CheckOutcome, Context, StepResult
from oscarcli.cli.doctor.server import client_of
from oscarcli.coercion import as_mapping
from oscarcli.errors import AuthError, ExitCode, ForbiddenError, OscarError, UnreachableError

# What came with which version of OSCAR (`oscar-api` 10), the newest first.
FEATURES = (
    ((4, 1, 0), "federations, start and stop"),
    ((4, 0, 0), "volumes, metrics, states of deployments"),
    ((3, 7, 0), "quotas"),
    ((3, 6, 5), "the cluster's load and log"),
    ((3, 6, 0), "bucket commands"),
)
OUTSIDE = "ask whoever runs the cluster for an address of MinIO that is reachable from outside"


def version(context: Context) -> StepResult:
    """Look at the server's version, and at what it lacks."""
    from oscarcli.api.system import server_version

    text = str(context.info.get("version"))
    around = [
        f"{title} {value}"
        for title, value in (
            ("Kubernetes", context.info.get("kubernetes_version")),
            ("backend", as_mapping(context.info.get("serverless_backend")).get("name")),
        )
        if value
    ]
    shown = ", ".join([f"OSCAR {text}", *around])
    numbers = server_version(text)
    if numbers is None:
        return StepResult(f"{shown}; its number tells nothing about its features", CheckOutcome.NOTE)
    lacking = [name for since, name in FEATURES if numbers < since]
    if not lacking:
        return StepResult(shown)
    return StepResult(
        shown,
        CheckOutcome.WARNING,
        f"a server of that age lacks: {'; '.join(lacking)}",
        "ask whoever runs the cluster for a newer version, or do without these commands",
    )


def object_store(context: Context) -> StepResult:
    """Use the keys that the server hands out, from here."""
    from oscarcli.api.system import get_config

    try:
        with client_of(context) as client:
            minio = get_config(client).get("minio_provider")
    except OscarError as error:
        raise CheckError(
            error.message,
            cause="the server does not tell this login where its object store is",
            next=error.hint or "oscar-cli cluster config",
            code=error.exit_code,
        ) from error
    endpoint = minio.get("endpoint") if isinstance(minio, Mapping) else None
    if not isinstance(minio, Mapping) or not isinstance(endpoint, str) or not endpoint:
        raise CheckError(
            "the server hands out no object store",
            cause="the cluster has none, or this login may not use it",
            next="oscar-cli cluster config",
            code=ExitCode.FAILED,
        )
    _reach(context, endpoint)
    return _entered(context, endpoint, minio)


def _reach(context: Context, endpoint: str) -> None:
    """Raise CheckError when there is no way from here to the object store."""
    from oscarcli.network.route import ProbeError, connect_first, is_address, resolve, route_to

    if not _is_url(endpoint):
        raise CheckError(
            f'the server hands out "{endpoint}", which is no URL',
            cause="the cluster's MINIO_ENDPOINT is set wrongly",
            next="oscar-cli cluster config",
            code=ExitCode.UNREACHABLE,
        )
    route = route_to(endpoint)
    try:
        if not is_address(route.first[0]):
            resolve(route.first[0], context.seconds)
        connect_first(route, context.seconds).close()
    except ProbeError as error:
        raise CheckError(
            f"{endpoint}: {error.message}",
            cause="the object store has an address that is only good inside the cluster, or it is down; no "
            "file can be transferred from here",
            next=OUTSIDE,
            code=ExitCode.UNREACHABLE,
        ) from error


def _is_url(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _entered(context: Context, endpoint: str, minio: Mapping[str, Any]) -> StepResult:
    from oscarcli.storage.access import count_buckets

    try:
        count = count_buckets(minio, context.seconds, context.cluster.tls)
    except ForbiddenError as error:
        return StepResult(
            f"{endpoint} answers, but the buckets cannot be listed",
            CheckOutcome.WARNING,
            f"the keys may not do this: {error.message}",
            "oscar-cli bucket list",
        )
    except AuthError as error:
        raise CheckError(
            error.message,
            cause="the keys that the server hands out are not those of the object store",
            next="ask whoever runs the cluster: MinIO's keys were changed after OSCAR was set up",
            code=ExitCode.AUTH,
        ) from error
    except UnreachableError as error:
        raise CheckError(
            f"{endpoint}: {error.message}",
            cause="something takes the connection, but no object store answers: TLS or the port is wrong",
            next=error.hint if error.hint and "cluster add" in error.hint else OUTSIDE,
            code=ExitCode.UNREACHABLE,
        ) from error
    except OscarError as error:
        raise CheckError(
            f"{endpoint}: {error.message}",
            cause="something else than an object store answers there",
            next=OUTSIDE,
            code=error.exit_code,
        ) from error
    return StepResult(f"{endpoint} lets the server's keys in, {count} bucket{'s' if count != 1 else ''}")
