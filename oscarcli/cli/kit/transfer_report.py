"""What is said of many transfers: how far they are, a line for each, and what failed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

from oscarcli.cli.kit.session import Session
from oscarcli.errors import OscarError, PartialError

if TYPE_CHECKING:
    from oscarcli.output.progress import Progress

# Where files come faster than lines are written, so many are written at once.
MAX_LINES_AT_ONCE = 100


class TransferReport:
    """Says what became of each file, and in the end of all.

    Args:
        session: where lines go.
        alone: whether a single file was asked for, whose failure is that of the command.
    """

    def __init__(self, session: Session, *, alone: bool = False) -> None:
        self.is_holding = False
        self.count = 0
        self._session = session
        self._alone = alone
        self._held: list[str | OscarError] = []
        self._errors: list[OscarError] = []

    def succeed(self, line: str | None, *, has_next: bool = False) -> None:
        """Take a file that is done, and what a person reads of it; at once unless a bar is on the screen.

        Args:
            line: what is read of it; `None` for nothing.
            has_next: whether another one follows at once, so that both can be written together.
        """
        self.count += 1
        if line is not None and self._session.wants_table:
            self._held.append(line)
        if not self.is_holding and (not has_next or len(self._held) >= MAX_LINES_AT_ONCE):
            self.release()

    def fail(self, error: OscarError) -> None:
        """Take a file that failed; a single one's failure is told by `conclude`."""
        self.count += 1
        self._errors.append(error)
        if not self._alone:
            self._held.append(error)
        if not self.is_holding:
            self.release()

    def release(self) -> None:
        """Write what was held back."""
        held, self._held = self._held, []
        for is_line, group in groupby(held, key=lambda one: isinstance(one, str)):
            if is_line:
                self._session.lines(cast("Iterator[str]", group))
                continue
            for error in cast("Iterator[OscarError]", group):
                self._session.diagnostics.error(error.message, error.hint)

    def conclude(self, done: str) -> None:
        """Raise what the command ends with when something failed."""
        if not self._errors:
            return
        if self._alone:
            raise self._errors[0]
        codes = {error.exit_code for error in self._errors}
        if len(self._errors) == self.count and len(codes) == 1:
            raise type(self._errors[0])(f"none of the {self.count} files was {done}")
        raise PartialError(f"{len(self._errors)} of {self.count} files were not {done}")


@contextmanager
def carried_out(session: Session, label: str, report: TransferReport, *, wanted: bool) -> Iterator[Progress]:
    """Show progress and hold back lines while a bar is there; tidy up also when told to end by a signal."""
    from oscarcli.output.progress import progress

    with terminated_by_exception():
        try:
            with progress(label, session.diagnostics.terminal, wanted=wanted) as shown:
                report.is_holding = shown.is_live
                with session.diagnostics.above(shown):
                    yield shown
        finally:
            report.release()


@contextmanager
def terminated_by_exception() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind the stack as Ctrl-C does, so that nothing half-done stays behind."""

    def end(number: int, _: Any) -> None:
        raise SystemExit(128 + number)

    handled = [
        number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) == signal.SIG_DFL
    ]
    for number in handled:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)
