"""What the commands about a service's files share: their options, the service's storage, an object of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.kit.resume_options import transfer_journals
from oscarcli.cli.kit.session import Session
from oscarcli.errors import NotFoundError

if TYPE_CHECKING:
    from oscarcli.jobs.service_storage import ServiceStorage
    from oscarcli.storage.base import Storage, StoredObject
    from oscarcli.storage.location import Location

ProviderOption = Annotated[
    str | None,
    typer.Option("--provider", metavar="P", help="Storage provider; no other word is taken for one then."),
]
KeyOption = Annotated[
    bool, typer.Option("--key", help="The remote path is that of one object, also when it ends in '/'.")
]


def service_storage(session: Session, service: str, *, restart: bool = False) -> ServiceStorage:
    """Return a service of the chosen cluster, and the way to its storage. Nothing is sent yet.

    Args:
        session: of this run.
        service: its name.
        restart: whether transfers that were interrupted begin anew.
    """
    from oscarcli.jobs.service_storage import ServiceStorage

    return ServiceStorage(
        session.api,
        service,
        tls=session.cluster.tls,
        timeout=session.timeout,
        tell=session.note,
        note=session.verbose_note,
        journals=transfer_journals(session, restart=restart),
    )


def existing_object(storage: Storage, service: str, location: Location) -> StoredObject:
    """Return an object. Raises NotFoundError, with how to look for it, when there is none."""
    try:
        return storage.stat(location)
    except NotFoundError as error:
        folder = f"{location}".rpartition("/")[0]
        hint = f"'oscar-cli service list-files {service} {storage.provider} {folder}' shows what is there"
        raise NotFoundError(error.message, hint=hint) from error
