"""Errors that the supervisor tells of in its log before it ends."""

from __future__ import annotations


class ReportedError(Exception):
    """One of them; its text is the line in the log.

    Args:
        text: the line.
        printed: what is printed below the log, after a line that names the stage; `None` for nothing, an
            empty text for that line alone.
    """

    def __init__(self, text: str, printed: str | None = None) -> None:
        super().__init__(text)
        self._printed = printed

    def lines(self, stage: str) -> list[str]:
        """Return what is printed when it ends a stage, such as "_parse_output"."""
        if self._printed is None:
            return []
        return [f"There was an exception in {stage}", *([self._printed] if self._printed else [])]
