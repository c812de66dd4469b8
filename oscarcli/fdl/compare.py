"""What applying a definition would change in a service, field by field; what a server adds is no change.

Secrets never leave this module: a change of one says `***` on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oscarcli.fdl import quantities
from oscarcli.fdl.document import field_path
from oscarcli.fdl.kinds import Text
from oscarcli.fdl.normalise import OWN_STORE, comparable
from oscarcli.fdl.schema import SERVICE, kind_at
from oscarcli.fdl.to_server import OLD_KEYS, reads_old_keys
from oscarcli.http.redaction import HIDDEN, MASK, Path, is_secret_path

SECRETS = ("environment", "secrets")
NODE_PORTS = ("expose", "nodePort")
NO_LINE_END = "\\ No newline at end of file"
# Keys that every current server shows: one that does not is older than them, and does not read them.
LATER_KEYS = (
    "ephemeral_storage_request",
    "file_stage_in",
    "interlink_node_name",
    "visibility",
    "allowed_users",
    "isolation_level",
    "mount",
)
ORDER = {name: number for number, name in enumerate(SERVICE.fields)}


@dataclass(frozen=True)
class Change:
    """One value that would change; `old` or `new` is `None` where there is none."""

    field: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Comparison:
    """What is known of a definition and the service it would replace.

    Attributes:
        changes: the values that differ, in the order of the table of keys.
        ignored: keys of the definition that the server neither has nor reads, as far as can be told.
        has_secrets: whether the definition carries values of secrets, which no server shows: whether they
            differ cannot be told.
    """

    changes: tuple[Change, ...] = ()
    ignored: tuple[str, ...] = ()
    has_secrets: bool = False

    @property
    def needs_write(self) -> bool:
        """Whether the service has to be sent for the server to have what is wanted."""
        return bool(self.changes) or self.has_secrets


def compare(wanted: Mapping[str, Any], stored: Mapping[str, Any], version: str | None = None) -> Comparison:
    """Compare what would be sent with what is there.

    Args:
        wanted: the document that `to_server.sent` makes of a definition.
        stored: the service as the server shows it.
        version: the server's version, where it matters.
    """
    old, new = comparable(stored, stored=True), comparable(wanted)
    secrets = _inner(new, SECRETS)
    _settle_secrets(old, new)
    _settle_own_store(old, new)
    _settle_node_ports(old, new)
    ignored = [*_ignored_old_keys(old, new, version), *_ignored_later_keys(stored, old, new)]
    before, after = dict(_leaves(old)), dict(_leaves(new))
    changes = []
    for path in sorted({**after, **before}, key=lambda path: ORDER.get(str(path[0]), len(ORDER))):
        if kind_at(path) is None and (path in after) != (path in before):
            # Unknown keys: of the server's own nothing was said, and a user's own it does not read.
            ignored += [field_path(path)] if path in after else []
        elif not _same(path, before.get(path), after.get(path)):
            changes.append(_change(path, before.get(path), after.get(path)))
    has_secrets = any(secrets.values())
    return Comparison(tuple(changes), tuple(dict.fromkeys(ignored)), has_secrets)


# -- what it takes both sides to decide -----------------------------------------------------------------


def _settle_secrets(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Leave the names of secrets: a definition without any leaves the stored ones as they are."""
    wanted, stored = _inner(new, SECRETS), _inner(old, SECRETS)
    if wanted:
        wanted.update(dict.fromkeys(wanted, MASK))
        stored.update(dict.fromkeys(stored, MASK))
    else:
        stored.clear()


def _settle_own_store(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Leave the cluster's own store out; in a federation a definition may say another one."""
    stored, wanted = _inner(old, OWN_STORE), _inner(new, OWN_STORE)
    if "federation" in new:
        for key in stored.keys() - wanted.keys():
            del stored[key]
    else:
        stored.clear()
        wanted.clear()


def _settle_node_ports(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Take ports that the server assigned, which it shows like fixed ones, for the 0 that asked for them."""
    key = NODE_PORTS[1]
    stored, wanted = _inner(old, NODE_PORTS[:1]), _inner(new, NODE_PORTS[:1])
    ports, assigned = wanted.get(key), stored.get(key)
    if not (isinstance(ports, list) and any(ports)):
        wanted.pop(key, None)
        stored.pop(key, None)
    elif isinstance(assigned, list) and len(assigned) == len(ports):
        wanted[key] = [port or found for port, found in zip(ports, assigned, strict=True)]


def _ignored_old_keys(old: dict[str, Any], new: dict[str, Any], version: str | None) -> Iterator[str]:
    for key in OLD_KEYS:
        if key in new and key not in old and not reads_old_keys(version):
            del new[key]
            yield key
        elif key in old and key not in new and key != OLD_KEYS[0]:
            del old[key]


def _ignored_later_keys(stored: Mapping[str, Any], old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for key in LATER_KEYS:
        if key not in stored and new.get(key) != old.get(key):
            del new[key]
            yield key


def _inner(values: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """Return the record that keys lead to, an empty one when there is none."""
    for key in path:
        found = values.get(key)
        if not isinstance(found, dict):
            return {}
        values = found
    return values


# -- values ---------------------------------------------------------------------------------------------


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield single values, and lists of them, with their paths; empty records have none."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, str(key)))
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    else:
        yield path, value


def _same(path: Path, old: Any, new: Any) -> bool:
    if old == new or (old == HIDDEN and new is not None and is_secret_path(path)):
        return True
    kind = kind_at(path)
    if isinstance(kind, Text) and kind.quantity and isinstance(old, str) and isinstance(new, str):
        return quantities.amount(old) is not None and quantities.amount(old) == quantities.amount(new)
    return False


def _change(path: Path, old: Any, new: Any) -> Change:
    if is_secret_path(path):
        old, new = (None if value is None else MASK for value in (old, new))
    return Change(field_path(path), _shown(old, new), _shown(new, old))


def _shown(value: Any, other: Any) -> Any:
    """Return a value as it is told: an absent number or switch is the 0 or false it stands for."""
    return type(other)() if value is None and isinstance(other, (bool, int)) else value


def is_text_of_lines(change: Change) -> bool:
    """Tell whether a change is best shown line by line: that of a script, or of any text with lines."""
    texts = [value for value in (change.old, change.new) if isinstance(value, str)]
    return bool(texts) and (change.field == "script" or any("\n" in text.rstrip("\n") for text in texts))


def unified(change: Change) -> list[str]:
    """Return a unified diff of two texts, line by line, with three lines around each difference."""
    from difflib import unified_diff

    old, new = (_lines(str(value or "")) for value in (change.old, change.new))
    found = unified_diff(old, new, "cluster", "FDL", lineterm="")
    return [part for line in found for part in line.split("\n")]


def _lines(text: str) -> list[str]:
    *lines, last = text.split("\n")
    # As diff itself says it; a line end is all that may differ.
    return [*lines, f"{last}\n{NO_LINE_END}"] if last else lines
