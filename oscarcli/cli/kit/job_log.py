"""How a job's log is shown: to the byte in a pipe, and on a terminal so that the script's words stand out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oscarcli.output.terminal import DIM, RED, clean_log

if TYPE_CHECKING:
    from oscarcli.cli.kit.session import Session
    from oscarcli.jobs.log_speakers import SpokenLine
    from oscarcli.output.terminal import Terminal

ScriptOption = Annotated[
    bool, typer.Option("--script", help="Only what the script wrote, without the supervisor's lines.")
]


class JobLogView:
    """A log that is shown piece by piece.

    Args:
        terminal: where it goes.
        script_only: whether the supervisor's lines are left out, in a pipe, too.
        is_raw: whether nothing at all is changed, but for lines that are left out.
    """

    def __init__(self, terminal: Terminal, *, script_only: bool = False, is_raw: bool = False) -> None:
        from oscarcli.jobs.log_speakers import LogReader

        self._terminal, self._script_only, self._is_raw = terminal, script_only, is_raw
        self._styles = terminal.is_terminal and not is_raw
        self._reader = LogReader()

    def shown(self, text: str) -> str:
        """Return the next piece of the log, whole lines but for the last one, as it is to be written."""
        text = text if self._is_raw else clean_log(text)
        if not (self._styles or self._script_only):
            return text
        return "".join(self._lines(text))

    def _lines(self, text: str) -> Iterator[str]:
        for line in _split(text):
            content = line.removesuffix("\n")
            end = line[len(content) :]
            spoken = self._reader.read(content)
            if self._script_only:
                yield from _joined(self._reader.script_lines(spoken), end)
            elif spoken.speaker == "script":
                yield line
            elif (styled := self._styled(spoken)) is not None:
                yield styled + end

    def _styled(self, spoken: SpokenLine) -> str | None:
        """Return a line of the supervisor as it is shown on a terminal, `None` for one that says nothing."""
        from oscarcli.jobs.log_speakers import LOUD_LEVELS

        if not spoken.words:
            return None
        if spoken.exit_code:
            return self._terminal.styled(spoken.text, RED)
        if spoken.level in LOUD_LEVELS:
            return spoken.text
        event = spoken.event
        return self._terminal.styled(spoken.text if event is None else spoken.time + event, DIM)


def _joined(lines: list[str], end: str) -> Iterator[str]:
    """Yield lines of which the last one has this end."""
    yield from (f"{line}\n" for line in lines[:-1])
    yield from (line + end for line in lines[-1:])


def _split(text: str) -> list[str]:
    # A form feed or the like is no end of a line.
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def tell_state(session: Session, name: str, job: dict[str, Any]) -> None:
    """Say a job's state on stderr, in red when it failed or its script did."""
    from oscarcli.api.jobs import FAILED, state_text

    is_bad = job.get("status") == FAILED or bool(job.get("exit_code"))
    session.note(f'job "{name}": {state_text(job)}', style=RED if is_bad else None)
