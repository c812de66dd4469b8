"""Who wrote each line of a job's log: the script, or the supervisor and the local cluster around it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_plus

from oscarcli.jobs.log_lines import TIME
from oscarcli.jobs.supervisor_log import TOLD

# Messages that end with a line end of their own: the empty line behind them is not the script's.
WITH_EMPTY_LINE = ("event_records = ", "EVENT received: ", "CONTAINER OUTPUT:")
EVENT = ("event_records = ", "EVENT received: ")
# What a short event is made of, in JSON or as Python prints it; the key is encoded as in a form.
SOURCE = re.compile(r"[\"']eventSource[\"']: ?[\"'](?:[^\"':]*:)??(?P<text>[^\"':]+)(?::s3)?[\"']")
NAME = re.compile(r"[\"']eventName[\"']: ?[\"'](?P<text>[^\"']+)[\"']")
KEY = re.compile(r"[\"']object[\"']: ?{[\"']key[\"']: ?[\"'](?P<text>[^\"']+)[\"']")
EXIT_CODE = re.compile(r"the script ended with exit code (?P<code>\d+)")
SCRIPT = "script"
# Lines of these levels are not dimmed: they are what somebody looks for.
LOUD_LEVELS = ("WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True)
class SpokenLine:
    """A line of a log.

    Args:
        text: the line, with the time before it where the log has times.
        speaker: "script", "supervisor" or "local cluster".
        level: such as "INFO"; empty for the script's lines.
        words: what is said; empty where it is nothing but the end of the message before.
        time: what stands before the line where the log has times.
    """

    text: str
    speaker: str
    level: str = ""
    words: str = ""
    time: str = ""

    @property
    def event(self) -> str | None:
        """The event that started the job, in a few words; `None` when the line is about something else."""
        if not self.words.startswith(EVENT):
            return None
        found = [pattern.search(self.words) for pattern in (SOURCE, NAME, KEY)]
        parts = [match["text"] for match in found if match is not None]
        return " ".join(["event:", *map(unquote_plus, parts)]) if len(parts) == len(found) else None

    @property
    def exit_code(self) -> int | None:
        """The script's exit code, where a local cluster tells of one that is not 0."""
        found = EXIT_CODE.search(self.words) if self.speaker == "local cluster" else None
        return int(found["code"]) if found is not None else None


class LogReader:
    """Tells of a log's lines, one after the other, who wrote them."""

    def __init__(self) -> None:
        self._ends_message = ""
        # An empty line of the script, which is told when another one follows.
        self._held: list[str] = []

    def read(self, line: str) -> SpokenLine:
        """Return what a line is.

        Args:
            line: the next one, without its end.
        """
        time = TIME.match(line)
        begin = time.end() if time is not None else 0
        speaker, self._ends_message = self._ends_message, ""
        if speaker and not line[begin:].strip():
            return SpokenLine(line, speaker, time=line[:begin])
        found = TOLD.fullmatch(line, begin)
        if found is None:
            return SpokenLine(line, SCRIPT, time=line[:begin])
        if found["words"].startswith(WITH_EMPTY_LINE):
            self._ends_message = found["speaker"]
        return SpokenLine(line, found["speaker"], found["level"], found["words"], line[:begin])

    def of_script(self, lines: Iterable[str]) -> list[str]:
        """Return those of the next lines that the script wrote."""
        return [told for line in lines for told in self.script_lines(self.read(line))]

    def script_lines(self, spoken: SpokenLine) -> list[str]:
        """Return the lines that are known to be the script's once this one was read.

        The supervisor ends what a script wrote with a line end of its own: an empty line is the script's
        only when more of its words follow.
        """
        if spoken.speaker != SCRIPT:
            return []
        is_empty = spoken.text == spoken.time
        lines, self._held = [*self._held, spoken.text], []
        if is_empty:
            self._held = [lines.pop()]
        return lines
