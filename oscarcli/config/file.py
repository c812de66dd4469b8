"""The configuration file: read leniently, changed atomically under a lock, never written over when broken.

The file is shared with the reference client; `cli-surface` facts: place `~/.oscar-cli/config.yaml`, YAML
for `.yaml` and `.yml`, JSON for every other name.
"""

from __future__ import annotations

import contextlib
import glob
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from oscarcli.config.document import MEND, Edit, edited, parse
from oscarcli.config.model import OWN_KEYS, Cluster, Configuration, parse_configuration
from oscarcli.errors import ConfigError

OWNER_ONLY = 0o600
OTHERS = 0o077
TEMPORARY_PREFIX = ".oscar-cli-"
TEMPORARY_SUFFIX = ".tmp"
# The keys that say how to log in and whom to trust: replacing an entry replaces all of them, and leaves
# keys we don't know.
LOGIN_KEYS = ("auth_user", "auth_password", "oidc_account_name", "oidc_refresh_token", *OWN_KEYS)
UNREAD_KEYS = ("memory", "log_level")


class ConfigFile:
    """The file at `path`; a symbolic link is followed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_json = path.suffix not in (".yaml", ".yml")

    def read(self, *, tighten: bool = True) -> Configuration:
        """Return what the file says; nothing at all when it does not exist.

        Args:
            tighten: whether other users are kept from reading the file, too, with a warning.

        Raises:
            ConfigError: it cannot be read or is not valid.
        """
        warnings = tuple(self._tighten()) if tighten else ()
        configuration = self._configuration(self._parsed(self._text()))
        return Configuration(configuration.clusters, configuration.default, warnings)

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

    def set_default(self, identifier: str) -> None:
        """Make a cluster the default. Raises ConfigError when it is not on record."""

        def edits(document: Any) -> list[list[Edit]]:
            self._configuration(document).cluster(identifier)
            return [[Edit(("default",), identifier)]]

        self._edit(edits)

    def _parsed(self, text: str) -> Any:
        return parse(text, str(self.path), is_json=self._is_json)

    def _configuration(self, document: Any) -> Configuration:
        return parse_configuration(document, str(self.path))

    # -- the file --------------------------------------------------------------------------------

    def _text(self) -> str:
        try:
            # Not read_text(): it would turn CRLF into LF, and a rewrite would then change every line.
            return self.path.read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            return ""
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            column = error.start - error.object.rfind(b"\n", 0, error.start)
            raise ConfigError(f"{self.path}:{line}:{column}: not UTF-8 text", hint=MEND) from None
        except OSError as error:
            raise ConfigError(f"cannot read the configuration {self.path}: {error.strerror}") from error

    def _tighten(self) -> Iterator[str]:
        """Take the file away from other users' eyes; it may hold passwords."""
        try:
            status = self.path.stat()
        except OSError:
            return
        if not stat.S_ISREG(status.st_mode) or not status.st_mode & OTHERS:
            return
        try:
            self.path.chmod(OWNER_ONLY)
        except OSError:
            yield f"{self.path} can be read by other users and its mode cannot be changed"
        else:
            yield f"{self.path} could be read by other users; its mode is 0600 now"

    def _edit(self, edits: Callable[[Any], list[list[Edit]]]) -> None:
        """Change the file under its lock.

        Args:
            edits: takes the parsed document and returns ways to change it; the first that the text's
                layout allows is taken. No way at all leaves the file alone.
        """
        target = Path(os.path.realpath(self.path))
        try:
            _make_folder(target.parent)
            with _locked(target):
                text = self._text()
                document = self._parsed(text)
                self._configuration(document)  # a file that cannot be understood is never written over
                changed = self._changed(text, edits(document))
                if changed != text:
                    _replace(target, changed)
        except OSError as error:
            raise ConfigError(
                f"cannot write the configuration {self.path}: {error.strerror}; it is as it was",
                hint="name a file you can write with --config PATH or OSCAR_CLI_CONFIG",
            ) from error
        except UnicodeEncodeError as error:
            raise ConfigError(f"cannot write the configuration {self.path}: not UTF-8 text") from error

    def _changed(self, text: str, ways: Sequence[list[Edit]]) -> str:
        for index, way in enumerate(ways):
            try:
                return edited(text, way, str(self.path), is_json=self._is_json)
            except ConfigError:
                if index == len(ways) - 1:
                    raise
        return text


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
    kept = {key: value for key, value in found.items() if isinstance(value, str) and key not in gone}
    return [by_key, [Edit(place, kept | new)]]


def _make_folder(folder: Path) -> None:
    """Make a folder and what is missing above it, for its owner alone."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(mode=0o700, exist_ok=True)


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Hold the lock of a file that is about to be replaced.

    The lock is on a file beside it, which stays: the target itself is a new file after every change.
    """
    import fcntl

    descriptor = os.open(target.parent / f".{target.name}.lock", os.O_RDWR | os.O_CREAT, OWNER_ONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(target: Path, text: str) -> None:
    """Write a new file and put it in the place of the old one; a reader sees the old or the new, whole."""
    prefix = f"{TEMPORARY_PREFIX}{target.name}-"
    for stale in target.parent.glob(f"{glob.escape(prefix)}*{TEMPORARY_SUFFIX}"):
        # Only a killed process leaves one: the lock is ours.
        stale.unlink(missing_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=prefix, suffix=TEMPORARY_SUFFIX, dir=target.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            _keep_owner(target, file.fileno())
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _keep_owner(target: Path, descriptor: int) -> None:
    """Give the new file the old one's owner, for the administrator who edits somebody else's."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        status = target.stat()
        if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(descriptor, status.st_uid, status.st_gid)
