"""Lines of a job's log: which are new, when they were written, which ones somebody asked for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

# What stands before each line of a log that was asked for with times (RFC 3339, up to nine digits).
TIME = re.compile(
    r"(?P<second>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?P<fraction>\.\d+)?(?P<zone>Z|[+-]\d\d:\d\d)(?: |$)"
)
# Said when lines were to be chosen by their times and the server does not send any.
NO_TIMES = "the server does not tell the times of lines: all of them are shown"


class SeenLines:
    """Knows which lines of a log were taken before, however the log has changed since.

    A log need not grow at its end alone: a node drops the oldest lines of a long one, and a local cluster
    shows what a script prints before the supervisor's last lines, which stand in front of it. So lines are
    counted: of each line there are as many new ones as there are more of it than ever before. With their
    times, in nanoseconds, no two lines are alike, and this is exact; without them it is exact as long as no
    line is dropped.
    """

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()
        self._last = ""
        self._newest = ""

    def new_lines(self, text: str, *, ended: bool) -> list[str]:
        """Return the lines that were not there before, in the log's order, without their line ends.

        Args:
            text: the log as it is now.
            ended: whether it is complete; before that, a line without its end waits for it.
        """
        whole = text if ended else text[: text.rfind("\n") + 1]
        if whole == self._last:
            return []
        self._last = whole
        counted: Counter[str] = Counter()
        new: list[str] = []
        for line in lines_of(whole):
            counted[line] += 1
            if counted[line] > self._seen[line]:
                self._seen[line] += 1
                new.append(line)
        self._newest = new[-1] if new else self._newest
        return new

    def is_complete_in(self, text: str) -> bool:
        """Tell whether a log goes as far as what was seen of it; without times that cannot be told.

        A log need not have that any more: a node drops the oldest lines. Then its last line is a later one.
        """
        moment = time_of(self._newest)
        if moment is None or self._newest in text:
            return True
        last = time_of(lines_of(text)[-1]) if text else None
        return last is not None and last > moment

    def __bool__(self) -> bool:
        """Tell whether any line was seen."""
        return bool(self._seen)


def lines_of(text: str) -> list[str]:
    """Return a log's lines without their ends; only a line feed ends a line."""
    return text.removesuffix("\n").split("\n") if text else []


def have_times(lines: Sequence[str]) -> bool:
    """Tell whether every line begins with its time: a server may ignore that times were asked for."""
    return all(TIME.match(line) for line in lines)


def without_time(line: str) -> str:
    """Return a line without the time before it."""
    found = TIME.match(line)
    return line[found.end() :] if found else line


def time_of(line: str) -> datetime | None:
    """Return the time at the start of a line, to the microsecond; `None` when there is none."""
    found = TIME.match(line)
    if found is None:
        return None
    # Python 3.10 reads six digits and no "Z".
    fraction = f"{found['fraction'][:7]:0<7}" if found["fraction"] else ""
    zone = found["zone"].replace("Z", "+00:00")
    try:
        return datetime.fromisoformat(f"{found['second']}{fraction}{zone}")
    except ValueError:
        return None


@dataclass(frozen=True)
class LineSelection:
    """Which lines of a log are wanted.

    Args:
        since: only lines from this moment on.
        tail: only so many of the last ones, of what was there at the first look.
        times: with the time before each line.
        script_only: only what the script wrote.
    """

    since: datetime | None = None
    tail: int | None = None
    times: bool = False
    script_only: bool = False

    @property
    def needs_times(self) -> bool:
        """Whether the server has to be asked for the time of each line."""
        return self.times or self.since is not None

    def of(self, lines: Sequence[str], *, timed: bool, first: bool = True) -> list[str]:
        """Return the wanted ones of a log's lines.

        Args:
            lines: in the log's order.
            timed: whether they begin with their times.
            first: whether this is what was there at the first look rather than what came later.
        """
        if self.since is not None and timed:
            lines = [line for line in lines if _is_since(line, self.since)]
        if self.tail is not None and first:
            lines = lines[max(len(lines) - self.tail, 0) :]
        return [line if self.times or not timed else without_time(line) for line in lines]


def _is_since(line: str, since: datetime) -> bool:
    moment = time_of(line)
    return moment is None or moment >= since
