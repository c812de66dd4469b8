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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from oscarcli.config.document import edited, parse, written
from oscarcli.config.model import Cluster, Configuration, parse_configuration
from oscarcli.errors import ConfigError

OWNER_ONLY = 0o600
OTHERS = 0o077
TEMPORARY_PREFIX = ".oscar-cli-"
TEMPORARY_SUFFIX = ".tmp"
# The keys that say how to log in: replacing an entry replaces all of them, and leaves keys we don't know.
LOGIN_KEYS = ("auth_user", "auth_password", "oidc_account_name", "oidc_refresh_token")


class ConfigFile:
    """The file at `path`; a symbolic link is followed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_json = path.suffix not in (".yaml", ".yml")

    def read(self) -> Configuration:
        """Return what the file says; nothing at all when it does not exist.

        Raises:
            ConfigError: it cannot be read or is not valid.
        """
        warnings = tuple(self._tighten())
        configuration = self._parsed(self._text())
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

        def edit(document: Any) -> None:
            nonlocal stored
            clusters = self._section(document)
            if cluster.identifier in clusters and not replace:
                stored = False
                return
            self._fill(clusters, cluster)
            if len(clusters) == 1:
                document["default"] = self._written(cluster.identifier)

        self._edit(edit)
        return stored

    def remove(self, identifier: str) -> None:
        """Remove a cluster; no other takes its place as the default. Raises ConfigError when unknown."""

        def edit(document: Any) -> None:
            self._parsed_cluster(document, identifier)
            del document["oscar"][identifier]
            if document.get("default") == identifier:
                del document["default"]

        self._edit(edit)

    def set_default(self, identifier: str) -> None:
        """Make a cluster the default. Raises ConfigError when it is not on record."""

        def edit(document: Any) -> None:
            self._parsed_cluster(document, identifier)
            document["default"] = self._written(identifier)

        self._edit(edit)

    # -- the document ----------------------------------------------------------------------------

    def _written(self, value: Any) -> Any:
        return written(value, is_json=self._is_json)

    def _section(self, document: Any) -> Any:
        if not document.get("oscar"):
            document["oscar"] = {}
        return document["oscar"]

    def _fill(self, clusters: Any, cluster: Cluster) -> None:
        keys = {key: self._written(value) for key, value in cluster.keys().items()}
        entry = clusters.get(cluster.identifier)
        if not entry:
            clusters[self._written(cluster.identifier)] = keys
            return
        for key in LOGIN_KEYS:
            if key not in keys:
                entry.pop(key, None)
        for key, value in keys.items():
            # What nobody reads stays as the user left it.
            if key not in ("memory", "log_level") or key not in entry:
                entry[key] = value

    def _parsed(self, text: str) -> Configuration:
        name = str(self.path)
        return parse_configuration(parse(text, name, is_json=self._is_json), name)

    def _parsed_cluster(self, document: Any, identifier: str) -> None:
        Configuration({str(key): Cluster(str(key), "") for key in document.get("oscar") or {}}).cluster(
            identifier
        )

    # -- the file --------------------------------------------------------------------------------

    def _text(self) -> str:
        try:
            # Not read_text(): it would turn CRLF into LF, and a rewrite would then change every line.
            return self.path.read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            return ""
        except UnicodeDecodeError as error:
            raise ConfigError(f"{self.path}: not UTF-8 text (byte {error.start})") from error
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

    def _edit(self, edit: Callable[[Any], None]) -> None:
        target = self.path.resolve()
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(target):
                text = self._text()
                self._parsed(text)  # a file that cannot be understood is never written over
                changed = edited(text, edit, is_json=self._is_json)
                self._parsed(changed)
                if changed != text:
                    _replace(target, changed)
        except OSError as error:
            raise ConfigError(
                f"cannot write the configuration {self.path}: {error.strerror}; it is as it was",
                hint="name a file you can write with --config PATH or OSCAR_CLI_CONFIG",
            ) from error


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
