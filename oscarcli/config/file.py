"""The configuration file: read leniently, changed atomically under a lock, never written over when broken.

The file is shared with the reference client; `cli-surface` facts: place `~/.oscar-cli/config.yaml`, YAML
for `.yaml` and `.yml`, JSON for every other name.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from oscarcli.config import disk
from oscarcli.config.document import ConfigText, Edit, LayoutRefusedError, parse_document
from oscarcli.config.json_text import loses_by_rewriting
from oscarcli.config.model import OWN_KEYS, Cluster, Configuration, parse_configuration
from oscarcli.errors import ConfigError

# The keys that say how to log in and whom to trust: replacing an entry replaces all of them, and leaves
# keys we don't know.
LOGIN_KEYS = ("auth_user", "auth_password", "oidc_account_name", "oidc_refresh_token", *OWN_KEYS)
UNREAD_KEYS = ("memory", "log_level")
DEFAULT_CONFIG = ".oscar-cli/config.yaml"


def config_path(environ: Mapping[str, str], named: str | None = None) -> Path:
    """Return where the configuration is: as named, then OSCAR_CLI_CONFIG, then the reference client's place.

    Raises:
        ConfigError: nobody knows this user's home.
    """
    named = named or environ.get("OSCAR_CLI_CONFIG")
    try:
        return Path(named).expanduser() if named else Path.home() / DEFAULT_CONFIG
    except RuntimeError as error:
        raise ConfigError(
            f"cannot tell where the configuration is: {error}", hint="name the file with --config PATH"
        ) from error


def _say_nothing(_text: str) -> None:
    pass


class ConfigFile:
    """The file at `path`; a symbolic link is followed.

    Args:
        path: where it is, whether or not it exists.
        warn: is told what an edit did to the file besides the edit.
    """

    def __init__(self, path: Path, *, warn: Callable[[str], None] = _say_nothing) -> None:
        self.path = path
        self._warn = warn
        self._is_json = path.suffix not in (".yaml", ".yml")

    def read(self, *, tighten: bool = True) -> Configuration:
        """Return what the file says; nothing at all when it does not exist.

        Args:
            tighten: whether other users are kept from reading the file, too, with a warning.

        Raises:
            ConfigError: it cannot be read or is not valid.
        """
        warning = disk.tightened(self.path) if tighten else None
        text = disk.read_text(self.path)
        configuration = self._configuration(parse_document(text, str(self.path), is_json=self._is_json))
        return Configuration(configuration.clusters, configuration.default, (warning,) if warning else ())

    def put(self, cluster: Cluster, *, replace: bool = True) -> bool:
        """Store a cluster, as the default when it is the only one.

        Args:
            cluster: the entry; keys of an older entry that this program does not know stay.
            replace: whether an existing entry may be replaced.

        Returns:
            Whether it was stored; `False` only when it exists and may not be replaced.
        """
        stored = True

        def edits(document: Any) -> list[list[Edit]]:
            nonlocal stored
            clusters = (document or {}).get("oscar") or {}
            stored = replace or cluster.identifier not in clusters
            if not stored:
                return []
            only = not set(clusters) - {cluster.identifier}
            default = [Edit(("default",), cluster.identifier)] if only else []
            ways = _entry_edits(cluster, clusters.get(cluster.identifier))
            return [way + default for way in ways]

        self._edit(edits)
        return stored

    def remove(self, identifier: str) -> None:
        """Remove a cluster; no other takes its place as the default. Raises ConfigError when unknown."""

        def edits(document: Any) -> list[list[Edit]]:
            self._configuration(document).cluster(identifier)
            was_default = document.get("default") == identifier
            default = [Edit(("default",), None)] if was_default else []
            return [[Edit(("oscar", identifier), None), *default]]

        self._edit(edits)

    def require_writable(self) -> None:
        """Raise ConfigError when an edit could not be written, before something else is done for it."""
        try:
            target = Path(os.path.realpath(self.path))
            disk.refuse_unwritable(target, self.path)
            folder = next(place for place in (target.parent, *target.parent.parents) if place.exists())
            # Gone with its closing: only the system itself knows whether it can be.
            with tempfile.TemporaryFile(dir=folder):
                pass
        except (OSError, ValueError) as error:
            raise self._unwritten(error.strerror if isinstance(error, OSError) else error) from error

    def set_key(self, identifier: str, key: str, value: str | None) -> None:
        """Set one key of a cluster's entry, or remove it with `None`. Raises ConfigError when unknown."""

        def edits(document: Any) -> list[list[Edit]]:
            self._configuration(document).cluster(identifier)
            found = document["oscar"][identifier]
            is_there = isinstance(found, dict) and key in found
            return [[Edit(("oscar", identifier, key), value)]] if is_there or value is not None else []

        self._edit(edits)

    def set_default(self, identifier: str) -> None:
        """Make a cluster the default. Raises ConfigError when it is not on record."""

        def edits(document: Any) -> list[list[Edit]]:
            self._configuration(document).cluster(identifier)
            return [[Edit(("default",), identifier)]]

        self._edit(edits)

    def _configuration(self, document: Any) -> Configuration:
        return parse_configuration(document, str(self.path))

    # -- the file --------------------------------------------------------------------------------

    def _edit(self, edits: Callable[[Any], list[list[Edit]]]) -> None:
        """Change the file under its lock.

        Args:
            edits: takes the parsed document and returns ways to change it; the first that the text's
                layout allows is taken. No way at all leaves the file alone.
        """
        try:
            target = Path(os.path.realpath(self.path))
            disk.make_folder(target.parent)
            with disk.locked(target):
                self._replace(target, edits)
        except (OSError, ValueError) as error:
            if isinstance(error, UnicodeEncodeError):
                raise ConfigError(f"cannot write the configuration {self.path}: not UTF-8 text") from error
            reason = error.strerror if isinstance(error, OSError) else error
            raise self._unwritten(reason) from error

    def _unwritten(self, reason: object) -> ConfigError:
        return ConfigError(
            f"cannot write the configuration {self.path}: {reason}; it is as it was", hint=disk.ELSEWHERE
        )

    def _replace(self, target: Path, edits: Callable[[Any], list[list[Edit]]]) -> None:
        warning = disk.tightened(target)
        if warning:
            self._warn(warning)
        text = disk.read_text(target)
        before = ConfigText(text, str(self.path), is_json=self._is_json)
        self._configuration(before.document)  # a file that cannot be understood is never written over
        ways = edits(before.document)
        changed, is_lossy = self._changed(before, text, ways) if ways else (text, False)
        if changed == text:
            return
        disk.refuse_unwritable(target, self.path)
        for sentence in before.repeated_keys():
            self._warn(sentence)
        if is_lossy:
            backup = disk.keep_backup(target, text)
            self._warn(
                f"{self.path} had to be written anew, without the comments and references that stood in the "
                f"way of the change; the file as it was, with its secrets, is kept as {backup}"
            )
        disk.replace(target, changed)

    def _changed(self, before: ConfigText, text: str, ways: Sequence[list[Edit]]) -> tuple[str, bool]:
        """Return the changed text, and whether more than the change was lost."""
        if self._is_json:
            return before.edited(ways[0]), loses_by_rewriting(text)
        for way in ways:
            try:
                return before.edited(way), False
            except LayoutRefusedError:
                continue
        return before.rewritten(ways[0]), True


def _entry_edits(cluster: Cluster, found: Any) -> list[list[Edit]]:
    """Return how to store a cluster where `found` stands: key by key, or else the entry as a whole."""
    place = ("oscar", cluster.identifier)
    keys = cluster.keys()
    if not isinstance(found, dict):
        return [[Edit(place, keys)]]
    # What nobody reads stays as the user left it.
    new = {key: value for key, value in keys.items() if key not in UNREAD_KEYS or key not in found}
    gone = [key for key in LOGIN_KEYS if key in found and key not in keys]
    by_key = [Edit((*place, key), value) for key, value in new.items()]
    by_key += [Edit((*place, key), None) for key in gone]
    kept = {key: value for key, value in found.items() if key not in gone}
    # Lists and the like are not read, so they could not be written again.
    is_whole = all(isinstance(value, str) for value in kept.values())
    return [by_key, [Edit(place, kept | new)]] if is_whole else [by_key]
