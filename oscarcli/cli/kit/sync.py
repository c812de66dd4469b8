"""`service sync` and `bucket sync`: what both of them do once the two sides are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.transfer_report import TransferReport, carried_out
from oscarcli.cli.kit.transfers import shown_path
from oscarcli.errors import OscarError, UsageError
from oscarcli.output.table import Column

if TYPE_CHECKING:
    from oscarcli.cli.kit.sync_sides import SyncSides
    from oscarcli.output.progress import Progress
    from oscarcli.storage.base import Storage
    from oscarcli.storage.location import Location
    from oscarcli.storage.patterns import NameFilter
    from oscarcli.storage.sync import Sync, SyncAction, SyncOutcome, SyncRequest

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
DeleteOption = Annotated[
    bool, typer.Option("--delete", help="Delete what is not in SOURCE, when everything is copied.")
]
ChecksumOption = Annotated[bool, typer.Option("--checksum", help="Compare contents instead of times.")]
# Of the actions of a sync, as documents.
ACTION_COLUMNS = (
    Column("ACTION", "action"),
    Column("SIZE", "size", is_number=True),
    Column("REASON", "reason"),
    Column("NAME", "name", is_name=True),
)
OUTCOME_COLUMNS = (*ACTION_COLUMNS, Column("OUTCOME", "outcome"))


@dataclass(frozen=True)
class SyncOptions:
    """What the options of a sync ask for.

    Args:
        is_dry: whether it is only told what would be done.
        deletes: whether what is not in the source is deleted.
        checks_content: whether digests are compared, not times.
        names: which names are compared.
        follow_symlinks: whether links in a local source are followed.
        asks: whether deletions are asked about where a person is.
        shows_progress: whether to show how far it is.
    """

    is_dry: bool
    deletes: bool
    checks_content: bool
    names: NameFilter
    follow_symlinks: bool
    asks: bool
    shows_progress: bool

    def sides(self, session: Session, source: str, target: str, noun: str) -> SyncSides:
        """Return the two sides.

        Args:
            session: the run.
            source: what is copied.
            target: what becomes like it.
            noun: what the remote side is a part of, for messages.

        Raises:
            UsageError: they are none; or files would be deleted and nobody can be asked.
        """
        from oscarcli.cli.kit.sync_sides import parse_sides

        if self.deletes and self.asks and not self.is_dry and not session.can_ask:
            raise UsageError(
                "--delete asks, and without a terminal nobody answers",
                hint="--dry-run shows what would be deleted, --yes goes ahead",
            )
        return parse_sides(source, target, noun)

    def request(self, sides: SyncSides, remote: Location) -> SyncRequest:
        """Return what is to be as what; `remote` is the folder of the remote side."""
        from oscarcli.storage.sync import SyncRequest

        return SyncRequest(
            sides.local,
            remote.as_folder(),
            sides.is_upload,
            self.names,
            checks_content=self.checks_content,
            deletes=self.deletes,
            follow_symlinks=self.follow_symlinks,
        )


def synchronise(session: Session, storage: Storage, request: SyncRequest, options: SyncOptions) -> None:
    """Make one side as the other, or tell what that would take.

    Raises:
        PartialError: something could not be copied or deleted; each was named.
        OscarError: what they have in common; or a side cannot be read.
    """
    from oscarcli.storage.sync import Sync

    refused: list[OscarError] = []
    sync = Sync(storage, request, refused.append)
    if options.is_dry:
        _tell_plan(session, sync, refused)
        return
    confirmed = _confirmed(session, storage, request) if request.deletes and options.asks else None
    run = _SyncRun(session, storage, request, sync)
    try:
        with carried_out(session, run.label, run.report, wanted=options.shows_progress) as progress:
            run.copy(progress, refused)
            run.delete(confirmed)
    finally:
        run.show()
    run.report.conclude("synchronised")


def _tell_plan(session: Session, sync: Sync, refused: list[OscarError]) -> None:
    from oscarcli.cli.kit.row_stream import write_rows

    rows = map(_document, sync.actions())
    count = write_rows(session, ACTION_COLUMNS, rows, dict, name=ACTION_COLUMNS[-1])
    session.note(f"{count} to do, {sync.unchanged} unchanged")
    report = TransferReport(session)
    for error in refused:
        report.fail(error)
    report.count += count
    report.conclude("compared")


def _document(action: SyncAction) -> dict[str, Any]:
    return {"action": action.kind.value, "name": action.name, "size": action.size, "reason": action.reason}


def _confirmed(session: Session, storage: Storage, request: SyncRequest) -> set[str]:
    """Return the names whose deletion a person agrees to. Raises OscarError when nobody does."""
    from oscarcli.storage.sync import ActionKind, Sync

    actions = Sync(storage, request, lambda _error: None).actions()
    names = [action.name for action in actions if action.kind is ActionKind.DELETE]
    place = request.remote if request.is_upload else request.local
    if names:
        shown = ", ".join(f'"{name}"' for name in names[:3]) + (", ..." if len(names) > 3 else "")
        what = "1 file" if len(names) == 1 else f"{len(names)} files"
        if not session.confirm(f'Delete {what} in "{place}" ({shown})?'):
            raise OscarError("nothing was copied or deleted")
    return set(names)


class _SyncRun:
    """A sync that is carried out, and what is said of it.

    Attributes:
        report: takes what becomes of each name.
        label: what is going on meanwhile.
    """

    def __init__(self, session: Session, storage: Storage, request: SyncRequest, sync: Sync) -> None:
        self.report = TransferReport(session)
        self.label = f"Synchronising {request.local}"
        self._session = session
        self._storage = storage
        self._request = request
        self._sync = sync
        self._documents: list[dict[str, Any]] = []
        self._copied = self._deleted = self._failed = 0

    def copy(self, progress: Progress, refused: list[OscarError]) -> None:
        """Copy what differs."""
        try:
            with closing(self._sync.copies(progress)) as outcomes:
                self._copied = self._take(outcomes, self._copy_line)
        finally:
            for error in refused:
                self._failed += 1
                self.report.fail(error)

    def delete(self, confirmed: set[str] | None) -> None:
        """Delete what is to be deleted: nothing after a failure, for what is missing may be what failed.

        Args:
            confirmed: the names that may go; `None` for all.
        """
        to_delete = [one for one in self._sync.to_delete if confirmed is None or one.name in confirmed]
        if to_delete and self._failed:
            self._session.warn("nothing was deleted, because not everything could be copied")
            return
        with closing(self._sync.deletions(to_delete)) as outcomes:
            self._deleted = self._take(outcomes, self._delete_line)

    def show(self) -> None:
        """Tell what was done, also when it ended early."""
        if not self._session.wants_table:
            from oscarcli.output.render import Result

            self._session.show(Result(self._documents, OUTCOME_COLUMNS))
        deleted = f"{self._deleted} deleted, " if self._request.deletes else ""
        failed = f", {self._failed} failed" if self._failed else ""
        self._session.note(f"{self._copied} copied, {deleted}{self._sync.unchanged} unchanged{failed}")

    def _take(self, outcomes: Iterable[SyncOutcome], line_of: Callable[[SyncAction], str]) -> int:
        done = 0
        for outcome in outcomes:
            if not self._session.wants_table:
                self._documents.append(_outcome_document(outcome))
            if outcome.error is not None:
                self._failed += 1
                self.report.fail(outcome.error)
            else:
                done += 1
                is_named = self._session.layout.names_only
                self.report.succeed(outcome.action.name if is_named else line_of(outcome.action))
        return done

    def _copy_line(self, action: SyncAction) -> str:
        if self._request.is_upload:
            assert action.file is not None
            return f'Uploaded "{action.file.path}" to "{self._place(action)}"'
        return shown_path(self._request.local / action.name)

    def _delete_line(self, action: SyncAction) -> str:
        place = (
            self._place(action) if self._request.is_upload else shown_path(self._request.local / action.name)
        )
        return f'Deleted "{place}"'

    def _place(self, action: SyncAction) -> str:
        return f"{self._storage.provider}:{self._request.remote}{action.name}"


def _outcome_document(outcome: SyncOutcome) -> dict[str, Any]:
    document = {**_document(outcome.action), "outcome": "done" if outcome.error is None else "failed"}
    return document if outcome.error is None else {**document, "error": outcome.error.message}
