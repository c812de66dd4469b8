"""The configuration file's text: parsed for reading, and rewritten with comments, order and quoting kept.

Scalars are kept as text: a password `0123` is four characters, whatever YAML makes of it.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from oscarcli.errors import ConfigError

if TYPE_CHECKING:
    from ruamel.yaml import YAML

MEND = "mend the file by hand, or name another one with --config; nothing was written"
# Plain words that some reader of YAML takes for something else than text.
NOT_PLAIN = re.compile(
    r"[-+]?[.\d][-+\d_.:eEtTzZ ]*|0[xob].*|~|null|true|false|yes|no|on|off|y|n|\.inf|\.nan|=|<<|",
    re.IGNORECASE,
)


def parse(text: str, path: str, *, is_json: bool) -> Any:
    """Return the document; YAML scalars are text as written, an unquoted null is `None`.

    Raises:
        ConfigError: the text is not valid; the message has the line and column.
    """
    return _parse_json(text, path) if is_json else _parse_yaml(text, path)


def _parse_json(text: str, path: str) -> Any:
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{path}:{error.lineno}:{error.colno}: not valid JSON: {error.msg}", hint=MEND
        ) from error
    except RecursionError as error:
        raise ConfigError(f"{path}: nested too deeply", hint=MEND) from error


def _parse_yaml(text: str, path: str) -> Any:
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        node = yaml.compose(text, Loader=loader)
        return None if node is None else _value(node, path, [])
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        reason = error.problem or error.context
        raise ConfigError(f"{path}{place}: not valid YAML: {reason}", hint=MEND) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}".splitlines()[0], hint=MEND) from error
    except RecursionError as error:
        raise ConfigError(f"{path}: nested too deeply", hint=MEND) from error


def _value(node: Any, path: str, parents: list[Any]) -> Any:
    """Return a node's value. An alias inside its own anchor, or a nest of aliases, is refused."""
    import yaml

    if node in parents or len(parents) > 20:
        raise ConfigError(f"{path}:{node.start_mark.line + 1}: nested too deeply", hint=MEND)
    inside = [*parents, node]
    if isinstance(node, yaml.MappingNode):
        return {key.value: _value(value, path, inside) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        # No key of ours holds a list: what is in it belongs to somebody else and is never looked at.
        return []
    is_null = node.style is None and node.value.lower() in ("", "~", "null")
    return None if is_null else node.value


def edited(text: str, edit: Callable[[Any], None], *, is_json: bool) -> str:
    """Return the text after `edit` changed its document in place; all else is kept.

    Args:
        text: a valid document or nothing.
        edit: takes the top-level mapping. Values it adds are text, booleans or mappings of these.
        is_json: the format, by the file's extension.
    """
    if is_json:
        document = json.loads(text) if text.strip() else {}
        document = {} if document is None else document
        edit(document)
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    writer = _yaml_writer(text)
    document = writer.load(text)
    if document is None or document == "":
        # A file of comments alone: they stay on top of what is written now.
        head, document = text, {}
    else:
        head = ""
    edit(document)
    stream = io.StringIO()
    writer.dump(document, stream)
    return head + ("\n" if head and not head.endswith("\n") else "") + stream.getvalue()


def _yaml_writer(text: str) -> YAML:
    from ruamel.yaml import YAML
    from ruamel.yaml.nodes import ScalarNode
    from ruamel.yaml.resolver import VersionedResolver

    class TextResolver(VersionedResolver):
        """Takes every scalar for text, so that none changes its spelling on the way through."""

        def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
            return self.DEFAULT_SCALAR_TAG if kind is ScalarNode else super().resolve(kind, value, implicit)

    writer = YAML()
    writer.Resolver = TextResolver
    writer.preserve_quotes = True
    writer.width = 2**20
    writer.allow_duplicate_keys = True
    indent = re.search(r"^( +)\S", text, re.MULTILINE)
    writer.indent(mapping=len(indent.group(1)) if indent else 2)
    return writer


def written(value: Any, *, is_json: bool) -> Any:
    """Return a value in the form in which it is put into a document for `edited`."""
    if is_json or isinstance(value, dict):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if NOT_PLAIN.fullmatch(value):
        from ruamel.yaml.scalarstring import DoubleQuotedScalarString

        return DoubleQuotedScalarString(value)
    return value
