"""The storage of a service: each provider is reached, entered, and asked for the paths that it names."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from oscarcli.cli.doctor.model import CheckError, CheckOutcome, Context, Step, StepResult
from oscarcli.cli.doctor.server import client_of
from oscarcli.errors import (
    AuthError,
    ExitCode,
    ForbiddenError,
    NotFoundError,
    OscarError,
    UnreachableError,
)

if TYPE_CHECKING:
    from oscarcli.api.client import Client
    from oscarcli.storage.base import Storage
    from oscarcli.storage.provider import ServicePath

SERVICE = "service"


def service_steps(context: Context, service: str) -> Iterator[Step]:
    """Yield a check for a service, and then one for each provider that it names.

    Args:
        context: in which the first of them leaves the service's document.
        service: its name.
    """
    from oscarcli.storage.provider import service_paths

    yield Step(SERVICE, partial(_find_service, service=service), ("credentials",))
    paths = service_paths(context.service)
    for provider in dict.fromkeys(path.provider for path in paths):
        own = [path for path in paths if path.provider == provider]
        yield Step(provider, partial(_look_at_paths, provider=provider, paths=own), (SERVICE,))


def _find_service(context: Context, *, service: str) -> StepResult:
    from oscarcli.api.services import get_service
    from oscarcli.storage.provider import service_paths

    with client_of(context) as client:
        try:
            context.service = get_service(client, service)
        except NotFoundError as error:
            raise _unknown(client, service, error) from error
    paths = service_paths(context.service)
    if not paths:
        return StepResult(f'"{service}" reads and writes no files by itself', CheckOutcome.NOTE)
    providers = dict.fromkeys(path.provider for path in paths)
    return StepResult(f'"{service}" uses {", ".join(providers)}')


def _unknown(client: Client, service: str, error: NotFoundError) -> CheckError:
    from oscarcli.api.services import list_services
    from oscarcli.cli.kit.similar_names import close_names

    close = close_names(service, (str(one.get("name")) for one in list_services(client)))
    return CheckError(
        error.message,
        cause="the name is mistyped, or the service is on another cluster",
        next=f"oscar-cli doctor {close[0]}, if that is meant" if close else "oscar-cli service list",
        code=ExitCode.NOT_FOUND,
    )


def _look_at_paths(context: Context, *, provider: str, paths: list[ServicePath]) -> StepResult:
    storage = _opened(context, provider)
    try:
        findings = [_finding(storage, path) for path in paths]
    except OscarError as error:
        raise _explained(error, context, storage.place) from error
    return StepResult(f"{storage.place}: {', '.join(findings)}")


def _opened(context: Context, provider: str) -> Storage:
    from oscarcli.api.system import get_config
    from oscarcli.storage.provider import open_storage

    def cluster_minio() -> Any:
        with client_of(context) as client:
            return get_config(client).get("minio_provider")

    return open_storage(
        provider,
        context.service,
        cluster_minio,
        read_timeout=context.seconds,
        outage_limit=0,
        tls=context.cluster.tls,
    )


def _finding(storage: Storage, path: ServicePath) -> str:
    from oscarcli.storage.location import parse_location
    from oscarcli.storage.probe import WriteCheck, check_writable

    folder = parse_location(path.path).as_folder()
    if not path.is_output:
        # Also a folder without a file answers; a bucket that is not there does not.
        next(iter(storage.list(folder.bucket, folder.key, limit=1)), None)
        return f"reads {path.path}"
    remark = {
        WriteCheck.TRIED: "",
        WriteCheck.NOT_TRIED: " (not tried: names there stay taken)",
        WriteCheck.MADE_BY_RESULTS: " (not there yet: the first result makes it)",
    }[check_writable(storage, folder)]
    return f"writes {path.path}{remark}"


def _explained(error: OscarError, context: Context, place: str) -> CheckError:
    """Return a failure with what is most likely behind it, and what to do."""
    from oscarcli.storage.wire.failures import UNREACHABLE_HINT

    name = context.service.get("name")
    if isinstance(error, UnreachableError) and error.hint not in (None, UNREACHABLE_HINT):
        cause = "it is this machine's certificates or proxy; the images of jobs may have others"
        following = str(error.hint)
    elif isinstance(error, UnreachableError):
        cause = "the server is down, or its address is only good inside the cluster; jobs may still reach it"
        following = "see that the provider's address in the FDL is right"
    elif isinstance(error, ForbiddenError):
        cause = "the login is taken, but may not do this there"
        following = f"ask whoever runs {place} for the permission"
    elif isinstance(error, AuthError):
        cause = "the login in the service's definition is wrong or has expired; its jobs will fail, too"
        following = f"write a new login into the FDL and apply it; 'oscar-cli service export {name}' has one"
    elif isinstance(error, NotFoundError):
        cause = "the service names a bucket or a folder that is not there, and jobs do not make it"
        following = "make it, or name another path in the FDL"
    else:
        cause = "the server refuses what jobs will try, too"
        following = error.hint or f"ask whoever runs {place}"
    return CheckError(error.message, cause=cause, next=following, code=error.exit_code)
