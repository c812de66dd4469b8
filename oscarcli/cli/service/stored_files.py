"""What the commands about a service's files share: their options, the service's storage, its folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oscarcli.cli.kit.resume_options import transfer_journals
from oscarcli.cli.kit.session import Session
from oscarcli.errors import NotFoundError

if TYPE_CHECKING:
    from oscarcli.jobs.service_storage import ServiceStorage
    from oscarcli.storage.location import Location

ProviderOption = Annotated[
    str | None,
    typer.Option("--provider", metavar="P", help="Storage provider; no other word is taken for one then."),
]
KeyOption = Annotated[
    bool, typer.Option("--key", help="The remote path is that of one object, whatever characters it has.")
]


def service_storage(session: Session, service: str, *, restart: bool | None = None) -> ServiceStorage:
    """Return a service of the chosen cluster, and the way to its storage. Nothing is sent yet.

    Args:
        session: of this run.
        service: its name.
        restart: whether transfers that were interrupted begin anew; `None` where to run the command again
            would be another thing to do than to go on, so that nothing is kept.
    """
    from oscarcli.jobs.service_storage import ServiceStorage

    return ServiceStorage(
        session.api,
        service,
        tls=session.cluster.tls,
        timeout=session.timeout,
        tell=session.note,
        note=session.verbose_note,
        journals=None if restart is None else transfer_journals(session, restart=restart),
    )


def result_folder(document: Mapping[str, Any], provider: str | None) -> tuple[str, str]:
    """Return provider and path of a service's only output, or of its only input where it has no output.

    Raises:
        UsageError: there are several, or none.
    """
    from oscarcli.storage.provider import only_folder

    return only_folder(document, "output" if document.get("output") else "input", provider)


@contextmanager
def hinting_at_listing(service: str, provider: str, location: Location) -> Iterator[None]:
    """Add to a NotFoundError how to look for an object."""
    try:
        yield
    except NotFoundError as error:
        folder = f"{location}".rstrip("/").rpartition("/")[0] or location.bucket
        hint = f"'oscar-cli service list-files {service} {provider} {folder}' shows what is there"
        error.hint = error.hint or hint
        raise
