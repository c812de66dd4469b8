"""A change of a federation: made, looked at, and told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from oscarcli.cli.federation.members import Member
from oscarcli.cli.kit.session import Session
from oscarcli.errors import NotFoundError, OscarError, PartialError, RefusedError, UsageError

ServiceArgument = Annotated[str, typer.Argument(metavar="SERVICE_NAME", help="The service's name.")]


def change_federation(
    session: Session,
    service: str,
    write: Callable[[], str | None],
    is_done: Callable[[list[Member]], bool],
    line: str,
) -> None:
    """Change a federation, look whether it is changed, and say so.

    Raises:
        PartialError: it is stored here, but members could not be told.
        OscarError: what the server says, or that nothing changed though it said nothing.
    """
    from oscarcli.api.federation import get_federation, members_of
    from oscarcli.http.redaction import mask_document

    problem: str | None
    failure: OscarError | None = None
    try:
        problem = write()
    except (NotFoundError, RefusedError, UsageError):
        raise
    except OscarError as error:
        # Members are told after the change is stored: a failure may come from the second.
        problem, failure = error.message, error
    try:
        stored = get_federation(session.api, service)
    except OscarError as error:
        raise failure or error from error
    if not is_done(members_of(stored)):
        raise failure or RefusedError(
            f'the federation of service "{service}" is as it was, though the server reported no failure'
        )
    session.done(line, mask_document(stored))
    if problem:
        raise PartialError(
            f"the change is stored, but not everything went well: {problem}",
            hint=f"'oscar-cli federation get {service}' shows what is stored",
        )
