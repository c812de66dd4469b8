"""Deleting objects: the one that is named, or all that a pattern matches."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.transfer_report import TransferReport
from oscarcli.errors import NotFoundError, OscarError, UsageError
from oscarcli.output.render import Result

if TYPE_CHECKING:
    from oscarcli.storage.base import Storage
    from oscarcli.storage.location import Location


def delete_objects(
    session: Session,
    storage: Storage,
    location: Location,
    shown: Callable[[Location], str],
    *,
    is_key: bool,
    yes: bool,
) -> None:
    """Delete the object of a place, else what it matches as a pattern, and say so.

    Args:
        session: asks, before a pattern deletes anything, and tells.
        storage: where the objects are.
        location: the place; to the letter first.
        shown: gives how an object is called in what is said.
        is_key: whether it is no pattern.
        yes: whether nothing is asked.

    Raises:
        NotFoundError: there is no such object, and it is no pattern or none matches.
        UsageError: it is a pattern, and nobody can be asked.
        OscarError: nothing is to be deleted after all, or what goes wrong; PartialError for some of several.
    """
    from oscarcli.storage.patterns import has_magic

    if is_key or not has_magic(location.key) or _is_there(storage, location):
        # A delete alone does not tell whether there was anything to delete.
        storage.stat(location)
        storage.remove(location)
        session.done(f'Deleted "{shown(location)}"', {"deleted": [shown(location)]})
        return
    to_delete = _matches(storage, location)
    _confirm(session, location, len(to_delete), yes=yes)
    _delete_all(session, storage, to_delete, shown)


def _is_there(storage: Storage, location: Location) -> bool:
    if location.is_folder:
        return False
    try:
        storage.stat(location)
    except NotFoundError:
        return False
    return True


def _matches(storage: Storage, location: Location) -> list[Location]:
    from oscarcli.storage.selection import matching

    to_delete = [found.location for found in matching(location).objects(storage)]
    if not to_delete:
        raise NotFoundError(f'delete "{location}" from {storage.provider}: no object matches')
    return to_delete


def _confirm(session: Session, location: Location, count: int, *, yes: bool) -> None:
    if yes:
        return
    what = "1 object" if count == 1 else f"{count} objects"
    if not session.can_ask:
        raise UsageError(
            f'"{location}" matches {what}, and without a terminal nobody is asked whether they may go',
            hint="'list-files' shows them, --yes deletes them, --key takes the name to the letter",
        )
    if not session.confirm(f'Delete {what} that match "{location}"?'):
        raise OscarError("nothing was deleted")


def _delete_all(
    session: Session, storage: Storage, to_delete: list[Location], shown: Callable[[Location], str]
) -> None:
    from oscarcli.storage.cancel import Cancellation
    from oscarcli.storage.transfer import WORKERS
    from oscarcli.storage.workers import run_parallel

    report = TransferReport(session, alone=len(to_delete) == 1)
    deleted: list[str] = []
    try:
        with closing(run_parallel(to_delete, storage.remove, Cancellation(), workers=WORKERS)) as outcomes:
            for done in outcomes:
                if done.error is not None and not isinstance(done.error, OscarError):
                    raise done.error
                if done.error is not None:
                    report.fail(done.error)
                else:
                    deleted.append(shown(done.item))
                    report.succeed(f'Deleted "{shown(done.item)}"')
    finally:
        if deleted and not session.wants_table:
            session.show(Result({"deleted": deleted}))
    report.conclude("deleted")
