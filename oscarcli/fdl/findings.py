"""What is wrong or odd in an FDL, each with its place; collected, so that all of it is said at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from oscarcli.errors import ConfigError

# A file that is no FDL at all can be wrong in a thousand places; nobody reads that many.
MAX_SHOWN = 50
MAX_QUOTE_CHARACTERS = 60


class FdlError(ConfigError):
    """An FDL has mistakes: the message says how many, `details` has each.

    Args:
        message: the sum.
        details: the mistakes in file order.
        warnings: what else was odd; it often explains a mistake, as a misspelt key does a missing one.
    """

    def __init__(self, message: str, details: Sequence[str], warnings: tuple[str, ...]) -> None:
        super().__init__(message, details=details)
        self.warnings = warnings


@dataclass(frozen=True, order=True)
class Finding:
    """One sentence about one place; its text form is `file:line: key.path: what is wrong`."""

    line: int
    path: str
    text: str
    file: str = field(compare=False)

    def __str__(self) -> str:
        return self.told()

    def told(self, kind: str = "") -> str:
        """Return the text form, with a word for what kind of finding it is behind the place."""
        where = f"{self.path}: " if self.path else ""
        kind = f"{kind}: " if kind else ""
        return _one_line(f"{self.file}:{self.line}: {kind}{where}{self.text}")


class Findings:
    """Mistakes and warnings of one file.

    Args:
        file: the file's name as the user gave it, for every sentence.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self._mistakes: list[Finding] = []
        self._warnings: list[Finding] = []

    def error(self, line: int, path: str, text: str) -> None:
        """Remember something that keeps the file from being used."""
        self._mistakes.append(Finding(line, path, text, self.file))

    def warn(self, line: int, path: str, text: str) -> None:
        """Remember something odd that does not."""
        self._warnings.append(Finding(line, path, text, self.file))

    @property
    def mistakes(self) -> tuple[Finding, ...]:
        """The mistakes in file order."""
        return tuple(sorted(self._mistakes))

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The warnings in file order."""
        return tuple(sorted(self._warnings))

    def check(self) -> None:
        """Return when there was no mistake. Raises FdlError that names every one, in file order."""
        if not self._mistakes:
            return
        count = len(self._mistakes)
        lines = [str(finding) for finding in self.mistakes[:MAX_SHOWN]]
        if count > MAX_SHOWN:
            lines.append(f"and {count - MAX_SHOWN} more")
        title = f'the FDL "{self.file}" has {count} mistake{"s" if count > 1 else ""}'
        raise FdlError(title, lines, tuple(map(str, self.warnings)))


def shortened(text: str) -> str:
    """Return text of a file in quotation marks, on one line and not too long."""
    line = " ".join(text.split())
    return f'"{line}"' if len(line) <= MAX_QUOTE_CHARACTERS else f'"{line[:MAX_QUOTE_CHARACTERS]}…"'


def _one_line(text: str) -> str:
    """Return text in which a key or a file's name cannot begin a line of its own."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
