"""How the lines of a job's log look: the script's words stand out among those of the supervisor."""

from __future__ import annotations

from collections.abc import Iterator

from rich.highlighter import Highlighter
from rich.style import Style
from rich.text import Text

from oscarcli.jobs.log_speakers import LOUD_LEVELS, SCRIPT, LogReader, SpokenLine

DIM, FAILED = Style(dim=True), Style(color="red")


def shortened(reader: LogReader, text: str) -> Iterator[str]:
    """Yield the lines of a piece of a log, the event in a few words, without lines that say nothing.

    Args:
        reader: has read all before.
        text: whole lines but for the last one; each is yielded with its end.
    """
    for line in text.splitlines(keepends=True):
        content = line.rstrip("\n")
        spoken = reader.read(content)
        if spoken.speaker == SCRIPT or spoken.words:
            yield _short(spoken) + line[len(content) :]


def _short(spoken: SpokenLine) -> str:
    event = spoken.event
    return spoken.text if event is None else spoken.text.removesuffix(spoken.words) + event


class LogHighlighter(Highlighter):
    """Gives each line its style when it is drawn."""

    def highlight(self, text: Text) -> None:
        """Style a line; a line of the script stays as it is."""
        spoken = LogReader().read(text.plain)
        if spoken.exit_code:
            text.stylize(FAILED)
        elif spoken.speaker != SCRIPT and spoken.level not in LOUD_LEVELS:
            text.stylize(DIM)
