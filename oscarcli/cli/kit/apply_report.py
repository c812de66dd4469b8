"""What became of the services of an FDL, told as it comes and summed up at the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oscarcli.cli.kit.session import Session
from oscarcli.errors import ExitCode, OscarError, PartialError
from oscarcli.output.render import Result, shorten
from oscarcli.output.terminal import ERASE_LINE, clean

if TYPE_CHECKING:
    from oscarcli.fdl.actions import Action
    from oscarcli.fdl.apply import ApplyEvent
    from oscarcli.fdl.wait import ServiceUpdate

# The reference client's words, which scripts look for.
DOING = {
    "create": "Creating",
    "edit": "Editing",
    "none": "Unchanged",
    "delete": "Removing",
    "check": "Checking",
}
FINE = ("done", "unchanged")


class ApplyReport:
    """Tells the outcomes of a file's steps.

    Args:
        session: the run.
        label: the file's name.
        total: how many steps there are.
        ignore_missing: whether a service that is gone already is no failure.
    """

    def __init__(self, session: Session, label: str, total: int, *, ignore_missing: bool = False) -> None:
        self._session = session
        self._label = label
        self._total = total
        self._ignore_missing = ignore_missing
        self._events: list[ApplyEvent] = []
        self._sights: dict[tuple[str, str], ServiceUpdate] = {}

    def title(self, doing: str) -> None:
        """Say what is done with the file."""
        if self._session.wants_table:
            self._session.line(f'{doing} file "{Path(self._label).name}"...')

    def follow(self, events: Iterable[ApplyEvent]) -> list[Action]:
        """Tell each event, and return the steps after which the service is there as wanted."""
        for event in events:
            if event.outcome == "started":
                self._begin(f"{sentence(event.action)}...")
                continue
            self._events.append(event)
            self._tell(event)
        return [event.action for event in self._events if event.outcome in FINE]

    def follow_states(self, updates: Iterable[ServiceUpdate]) -> None:
        """Tell how services become ready, and which do not."""
        for update in updates:
            place = f'service "{update.service.name}" in cluster "{update.service.cluster_id}"'
            if update.outcome == "waiting":
                self._begin(f"{update.service.name}: {update.text}", f"{place}: {update.text}")
                continue
            self._sights[update.service.key] = update
            self._erase()
            if self._session.wants_table:
                done = update.outcome == "ready"
                self._session.mark(f"{'Ready' if done else 'Waiting for'} {place}", done=done)
            if update.error is not None and self._total > 1:
                self._tell_error(place, update.error)
                for line in update.log:
                    self._session.note(f"  {line}")

    def close(self, words: Sequence[tuple[str, str]]) -> None:
        """Write the answer and the sum; raise what the exit code is made of.

        Args:
            words: what is counted: a word and the kind of the steps that it stands for.
        """
        if not self._session.wants_table:
            rows = [self._row(event) for event in self._events]
            self._session.show(Result({"file": self._label, "services": rows}))
        errors = [error for event in self._events if (error := self._error(event)) is not None]
        if errors or self._total > 1:
            self._session.note(self._summary(words))
        if errors:
            raise combined(errors, self._total)

    # -- one step --------------------------------------------------------------------------------------

    def _begin(self, text: str, note: str | None = None) -> None:
        """Say what is going on: it takes its time.

        Args:
            text: for a terminal, where the next line replaces it, and for `--verbose`.
            note: what is said elsewhere in any case.
        """
        terminal = self._session.diagnostics.terminal
        if self._is_live:
            terminal.write(ERASE_LINE + shorten(clean(text), (terminal.width or 80) - 1))
        elif note is not None:
            self._session.note(note)
        else:
            self._session.verbose_note(text)

    @property
    def _is_live(self) -> bool:
        terminal = self._session.diagnostics.terminal
        return terminal.is_terminal and terminal.colour and not self._session.debug

    def _erase(self) -> None:
        if self._is_live:
            self._session.diagnostics.terminal.write(ERASE_LINE)

    def _tell(self, event: ApplyEvent) -> None:
        self._erase()
        is_fine = self._is_fine(event)
        if self._session.wants_table and event.outcome != "not tried":
            self._session.mark(sentence(event.action), done=is_fine)
        place = f'service "{event.action.name}" in cluster "{event.action.cluster_id}"'
        if event.outcome == "not tried":
            remark = event.remark or "the cluster failed before"
            self._session.note(f"{place}: not tried, {remark}")
        elif event.outcome == "missing" and is_fine:
            self._session.note(f"{place}: there is none")
        elif event.error is not None and self._total > 1:
            self._tell_error(place, event.error)
        elif event.remark:
            self._session.warn(f"{place}: {event.remark}")

    def _tell_error(self, place: str, error: OscarError) -> None:
        hint = f"\nhint: {clean(error.hint)}" if error.hint else ""
        self._session.note(f"{clean(place)}: {clean(error.message)}{hint}")

    def _is_fine(self, event: ApplyEvent) -> bool:
        return event.outcome in FINE or (event.outcome == "missing" and self._ignore_missing)

    def _error(self, event: ApplyEvent) -> OscarError | None:
        """Return why a service is not as wanted in the end."""
        update = self._sights.get(event.action.key)
        if update is not None and update.error is not None:
            update.error.details = update.log if self._total == 1 else ()
            return update.error
        return None if self._is_fine(event) else event.error

    def _row(self, event: ApplyEvent) -> dict[str, Any]:
        update = self._sights.get(event.action.key)
        error = self._error(event)
        row: dict[str, Any] = {
            "service": event.action.name,
            "cluster": event.action.cluster_id,
            "action": event.action.kind,
            "outcome": "failed" if update is not None and update.error is not None else event.outcome,
        }
        if update is not None:
            row |= {"state": update.state, "reason": update.reason, "log": list(update.log)}
        if error is not None or event.error is not None:
            failure = error or event.error
            assert failure is not None
            row |= {"error": failure.message, "code": int(failure.exit_code)}
        return row

    def _summary(self, words: Sequence[tuple[str, str]]) -> str:
        counts = [(word, self._count("done", "unchanged", kind=kind)) for word, kind in words]
        if any(kind == "delete" for _, kind in words):
            counts.append(("missing", self._count("missing")))
        unready = sum(update.error is not None for update in self._sights.values())
        counts += [("failed", self._count("failed")), ("not tried", self._count("not tried"))]
        counts += [("not ready", unready)] if self._sights else []
        return ", ".join(f"{word} {count}" for word, count in counts)

    def _count(self, *outcomes: str, kind: str | None = None) -> int:
        return sum(event.outcome in outcomes and kind in (None, event.action.kind) for event in self._events)


def sentence(action: Action) -> str:
    """Return what is done in a step, in the words that scripts look for."""
    return f'{DOING[action.kind]} service "{action.name}" in cluster "{action.cluster_id}"'


def combined(errors: Sequence[OscarError], total: int) -> OscarError:
    """Return the error to end with: the only one, one with the code that all failures share, or PARTIAL.

    Args:
        errors: the failures.
        total: how many services there were.
    """
    if total == 1:
        return errors[0]
    message = f"{len(errors)} of {total} services failed"
    codes = {error.exit_code for error in errors}
    if len(errors) < total or len(codes) > 1:
        return PartialError(message)
    failure = OscarError(message)
    failure.exit_code = ExitCode(codes.pop())
    return failure
