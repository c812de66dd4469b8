"""How much a configuration may hold: what is beyond is refused before it costs memory or time."""

from __future__ import annotations

from typing import Any

# A thousand clusters are 250 KB.
MAX_FILE_BYTES = 4 << 20
MAX_LEVELS = 100
MAX_VALUES = 200_000
# Below so many of these characters no text has too many values or levels; parsing it twice can be saved.
MAX_UNCHECKED_OPENINGS = 1000
OPENINGS = "[{-?"
SEPARATORS = ",:\n"


class TooLargeError(Exception):
    """A text holds more than any configuration does. `line` is where, counted from 0."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def check_size(text: str) -> None:
    """Return when a YAML text is of a size that its parsers bear.

    Aliases count as what they stand for: ten lines can expand to a billion values.

    Raises:
        TooLargeError: it is not.
        yaml.YAMLError: it is not valid.
    """
    openings = sum(map(text.count, OPENINGS))
    if (
        "*" in text
        or openings > MAX_UNCHECKED_OPENINGS
        or sum(map(text.count, SEPARATORS)) > MAX_VALUES // 10
    ):
        _SizeCounter().count(text)


class _SizeCounter:
    """Counts values and levels event by event: nothing is built, and nothing calls itself."""

    def __init__(self) -> None:
        # Of each container that is open: its anchor, its values so far and its height so far.
        self._open: list[tuple[str | None, int, int]] = [(None, 0, 0)]
        # What an anchor stands for; `None` while it is open.
        self._anchors: dict[str, tuple[int, int] | None] = {}

    def count(self, text: str) -> None:
        import yaml

        for event in yaml.parse(text, Loader=getattr(yaml, "CLoader", yaml.Loader)):
            line = event.start_mark.line if event.start_mark else 0
            if isinstance(event, yaml.AliasEvent):
                self._alias(event.anchor, line)
            elif isinstance(event, yaml.ScalarEvent):
                self._add(event.anchor, 1, 1, line)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._begin(event.anchor, line)
            elif isinstance(event, yaml.CollectionEndEvent):
                anchor, count, height = self._open.pop()
                self._add(anchor, count + 1, height + 1, line)

    def _begin(self, anchor: str | None, line: int) -> None:
        self._open.append((anchor, 0, 0))
        if len(self._open) > MAX_LEVELS:
            raise TooLargeError(f"nested more than {MAX_LEVELS} levels deep", line)
        if anchor:
            self._anchors[anchor] = None

    def _alias(self, anchor: str | None, line: int) -> None:
        if anchor is None or anchor not in self._anchors:
            return  # the parser itself says so, and better
        found = self._anchors[anchor]
        if found is None:
            raise TooLargeError("a value contains itself", line)
        self._add(None, *found, line)

    def _add(self, anchor: str | None, count: int, height: int, line: int) -> None:
        if anchor:
            self._anchors[anchor] = (count, height)
        outer, others, highest = self._open[-1]
        self._open[-1] = (outer, others + count, max(highest, height))
        if others + count > MAX_VALUES:
            raise TooLargeError("too many values, counting each alias as what it stands for", line)
        if len(self._open) + height > MAX_LEVELS:
            raise TooLargeError(f"nested more than {MAX_LEVELS} levels deep", line)


def is_too_deep(document: Any) -> bool:
    """Tell whether a parsed document is nested more than `MAX_LEVELS` levels deep."""
    level = [document] if isinstance(document, (dict, list)) else []
    for _ in range(MAX_LEVELS):
        level = [
            item
            for part in level
            for item in (part.values() if isinstance(part, dict) else part)
            if isinstance(item, (dict, list))
        ]
    return bool(level)
