"""The configuration file's text: parsed for reading, and changed with everything else in it kept.

Scalars are kept as text: a password `0123` is four characters, whatever YAML makes of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from oscarcli.coercion import as_mapping
from oscarcli.config.disk import MEND
from oscarcli.config.json_text import json_text, parse_json
from oscarcli.config.limits import MAX_LEVELS, TooLargeError, is_too_deep
from oscarcli.config.yaml_nodes import compose
from oscarcli.errors import ConfigError

# How newer parsers refuse by themselves what is a thousand levels deep.
TOO_DEEP = "maximum nesting depth"


class LayoutRefusedError(ConfigError):
    """A change cannot be made in place; `rewritten` can make it."""


@dataclass(frozen=True)
class Edit:
    """One change: the keys that lead to a value, and the new value; `None` removes it."""

    keys: tuple[str, ...]
    value: Any


def parse_document(text: str, path: str, *, is_json: bool) -> Any:
    """Return the document; YAML scalars are text as written, an unquoted null is `None`.

    Of a key that stands twice the last one counts.

    Args:
        text: the file's text.
        path: the file's name, for messages.
        is_json: the format, by the file's extension.

    Raises:
        ConfigError: the text is not valid; the message has the line and column.
    """
    return ConfigText(text, path, is_json=is_json).document


class ConfigText:
    """A text that was parsed once, to be read and to be changed.

    Args:
        text: the file's text, or nothing.
        path: the file's name, for messages.
        is_json: the format, by the file's extension.

    Attributes:
        document: what `parse_document` returns.

    Raises:
        ConfigError: as of `parse_document`.
    """

    def __init__(self, text: str, path: str, *, is_json: bool) -> None:
        self._text = text
        self._path = path
        self._is_json = is_json
        self._root: Any = None
        self._repeated: list[tuple[str, int]] = []
        try:
            self.document: Any = parse_json(text, path) if is_json else self._read_yaml()
        except RecursionError:
            raise _too_deep(path) from None
        if is_json and is_too_deep(self.document):
            raise _too_deep(path)

    def _read_yaml(self) -> Any:
        reader = _YamlReader(self._path)
        self._root = reader.root(self._text)
        document = None if self._root is None else reader.value(self._root)
        self._repeated = reader.repeated
        return document

    def repeated_keys(self) -> list[str]:
        """Return a sentence on each key that stands a second time in a YAML text."""
        return [
            f'{self._path}:{line}: the key "{key}" stands here a second time; the last one counts, and the '
            "reference client does not read such a file"
            for key, line in self._repeated
        ]

    def edited(self, edits: Sequence[Edit]) -> str:
        """Return the text with the edits made and all else as it was.

        Args:
            edits: what to change, in order. Values are text, booleans or mappings of these.

        Raises:
            LayoutRefusedError: it is laid out so that a change would alter something else.
        """
        from oscarcli.config.yaml_positions import LayoutError

        if self._is_json:
            return json_text(applied(self.document, edits, is_json=True), self.document, self._path)
        wanted = self.document
        effective: list[Edit] = []
        for edit in edits:
            after = applied(wanted, [edit], is_json=False)
            if after != wanted:
                effective.append(edit)
                wanted = after
        if not effective:
            return self._text
        try:
            changed = self._spliced(effective)
            # Parsed anew, whatever the splice believes to have done.
            is_right = (parse_document(changed, self._path, is_json=False) or {}) == wanted
        except (LayoutError, ConfigError):
            is_right = False
        if not is_right:
            raise LayoutRefusedError(
                f"{self._path}: its layout (anchors, perhaps) does not allow this change", hint=MEND
            )
        return changed

    def _spliced(self, edits: Sequence[Edit]) -> str:
        import yaml

        from oscarcli.config.yaml_edit import removed, replaced
        from oscarcli.config.yaml_positions import LayoutError

        text, root = self._text, self._root
        try:
            for number, edit in enumerate(edits):
                if number:
                    root = compose(text)
                if edit.value is None:
                    text = removed(text, root, edit.keys)
                else:
                    text = replaced(text, root, edit.keys, edit.value)
        except yaml.YAMLError as error:
            # An edit before broke what another place refers to.
            raise LayoutError from error
        return text

    def rewritten(self, edits: Sequence[Edit]) -> str:
        """Return a YAML text with the edits made and its layout given up: comments and references are gone.

        Args:
            edits: what to change, as for `edited`.

        Raises:
            ConfigError: the text cannot be written anew either.
        """
        import yaml

        from oscarcli.config.yaml_inline_aliases import inline_aliases
        from oscarcli.config.yaml_positions import LayoutError

        try:
            plain = ConfigText(inline_aliases(self._text), self._path, is_json=False)
        except (LayoutError, TooLargeError, yaml.YAMLError):
            plain = None
        if plain is None or not plain._text or plain.document != self.document:
            raise ConfigError(f"{self._path}: its layout does not allow this change", hint=MEND)
        return plain.edited(edits)


def applied(document: Any, edits: Sequence[Edit], *, is_json: bool) -> Any:
    """Return a parsed document as it should read after the edits."""
    for edit in edits:
        document = _with(document, edit.keys, edit.value if is_json else _as_read(edit.value))
    return document


def _with(part: Any, keys: Sequence[str], value: Any) -> dict[str, Any]:
    changed = dict(as_mapping(part))
    inner = changed.get(keys[0])
    if len(keys) > 1:
        if value is not None or isinstance(inner, dict):
            changed[keys[0]] = _with(inner, keys[1:], value)
    elif value is None:
        changed.pop(keys[0], None)
    else:
        changed[keys[0]] = value
    return changed


def _as_read(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_read(item) for key, item in value.items()}
    return str(value).lower() if isinstance(value, bool) else value


def _too_deep(path: str) -> ConfigError:
    return ConfigError(f"{path}: nested more than {MAX_LEVELS} levels deep", hint=MEND)


class _YamlReader:
    """Turns nodes into plain values.

    Args:
        path: the file's name, for messages.

    Attributes:
        repeated: of each key that stands a second time in one mapping, the key and its line.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self.repeated: list[tuple[str, int]] = []
        # An anchored node is evaluated once, however many aliases it has; `None` while it is.
        self._known: dict[int, dict[str, Any] | None] = {}

    def root(self, text: str) -> Any:
        """Return the root node, `None` where there is none. Raises ConfigError."""
        import yaml

        try:
            return compose(text)
        except TooLargeError as error:
            place = f"{self._path}:{error.line + 1}"
            raise ConfigError(f"{place}: not usable as a configuration: {error.reason}", hint=MEND) from None
        except yaml.MarkedYAMLError as error:
            if TOO_DEEP in str(error.problem):
                raise _too_deep(self._path) from None
            # Not chained: the library's text quotes the line, and the line may hold a password.
            raise self._wrong(error.problem_mark or error.context_mark, _reason(error)) from None
        except yaml.YAMLError as error:
            raise ConfigError(f"{self._path}: not valid YAML: {_unquoted(error)}", hint=MEND) from None

    def _wrong(self, mark: Any, reason: str) -> ConfigError:
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        return ConfigError(f"{self._path}{place}: not valid YAML: {reason}", hint=MEND)

    def value(self, node: Any) -> Any:
        """Return what a node stands for. Raises ConfigError."""
        import yaml

        if isinstance(node, yaml.MappingNode):
            if id(node) not in self._known:
                self._known[id(node)] = None
                self._known[id(node)] = self._mapping(node)
            known = self._known[id(node)]
            if known is None:
                raise self._wrong(node.start_mark, "a value contains itself")
            return known
        if isinstance(node, yaml.SequenceNode):
            # No key of ours holds a list: what is in it belongs to somebody else and is never looked at.
            return []
        is_null = not node.style and node.value.lower() in ("", "~", "null")
        return None if is_null else node.value

    def _mapping(self, node: Any) -> dict[str, Any]:
        import yaml

        own: dict[str, Any] = {}
        inherited: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._wrong(key.start_mark, "a key is not text")
            if key.value in own:
                self.repeated.append((key.value, key.start_mark.line + 1))
            if key.value == "<<" and not key.style:
                inherited = self._merged(value) | inherited
            else:
                own[key.value] = self.value(value)
        return inherited | own

    def _merged(self, node: Any) -> dict[str, Any]:
        """Return what a merge key brings in; of several mappings the first counts."""
        import yaml

        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found: dict[str, Any] = {}
        for part in parts:
            value = self.value(part)
            if not isinstance(value, dict):
                raise self._wrong(part.start_mark, "only keys and values can be merged")
            found = value | found
        return found


def _reason(error: Any) -> str:
    return _unquoted(error.problem or error.context)


def _unquoted(reason: object) -> str:
    """Return a parser's reason without the pieces of the file it quotes, which may be of a password."""
    return re.sub(r"'[^']{2,}'|\"[^\"]{2,}\"", "...", str(reason).partition("\n")[0])
