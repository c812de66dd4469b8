"""Doing the same to several named things: one failure does not hide the others' outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from oscarcli.cli.kit.session import Session
from oscarcli.errors import OscarError, PartialError, is_general
from oscarcli.output.render import Result


@dataclass
class BulkDelete:
    """Removes things one by one and says what became of each.

    Args:
        session: the voice.
        kind: what the things are, in the plural.
        said: takes a name and whether it is gone; for people.
    """

    session: Session
    kind: str
    said: Callable[[str, bool], None]
    done: list[str] = field(default_factory=list)
    failed: dict[str, OscarError] = field(default_factory=dict)
    untried: list[str] = field(default_factory=list)

    def run(self, names: Iterable[str], remove: Callable[[str], None]) -> None:
        """Remove all of `names`, each once.

        Raises:
            PartialError: some are still there; each was named.
            OscarError: the error of the only name, or of the first when the rest would fail alike.
        """
        waiting = list(dict.fromkeys(names))
        is_only = len(waiting) == 1
        while waiting:
            name = waiting.pop(0)
            try:
                remove(name)
            except OscarError as error:
                self._say(name, False)
                if is_only or (is_general(error) and not (self.done or self.failed)):
                    raise
                self._fail(name, error)
                if is_general(error):
                    self.untried, waiting = waiting, []
            else:
                self.done.append(name)
                self._say(name, True)
        self._conclude()

    def _say(self, name: str, is_gone: bool) -> None:
        if self.session.wants_table:
            self.said(name, is_gone)

    def _fail(self, name: str, error: OscarError) -> None:
        self.failed[name] = error
        if self.session.wants_table:
            self.session.diagnostics.error(error.message, error.hint)

    def _conclude(self) -> None:
        if self.session.wants_table:
            for name in self.untried:
                self.session.note(f'"{name}": not tried')
        else:
            errors = {name: error.message for name, error in self.failed.items()}
            document = {"deleted": self.done, "failed": errors, "not_tried": self.untried}
            self.session.show(Result(document))
        if self.failed:
            left = [*self.failed, *self.untried]
            total = len(self.done) + len(left)
            names = ", ".join(left)
            raise PartialError(f"{len(left)} of {total} {self.kind} were not deleted: {names}")
