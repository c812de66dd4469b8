"""The data directory: what lies where, who may use it, and what is remembered in it between starts."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TextIO

from oscarcli.errors import OscarError
from oscarcli.files import write_atomic
from oscarcli.local.options import LOOPBACK
from oscarcli.polling import Poll

LOCK_SECONDS = 0.3
LOCK_POLL_SECONDS = 0.01
# Everything this program ever creates below the directory; a reset removes these and nothing else.
DATABASE = "state.db"
CONTENTS = (
    DATABASE,
    f"{DATABASE}-wal",
    f"{DATABASE}-shm",
    "blobs",
    "jobs",
    "begun-jobs",
    "deployments",
    "volumes",
    "mounts",
    "images",
    "pull-secrets",
    "engine.json",
    "server.log",
    "settings.json",
    "lock",
)


class FolderTakenError(OscarError):
    """Another server uses the data directory."""


@dataclass(frozen=True)
class Settings:
    """What stays the same from start to start: credentials, made once, and the address last used.

    A port of 0 was never chosen. `deployment` stands for MinIO's deployment id in events.
    """

    user: str
    password: str
    access_key: str
    secret_key: str
    deployment: str
    host: str = LOOPBACK
    port: int = 0
    s3_port: int = 0

    @classmethod
    def fresh(cls) -> Settings:
        """Return new credentials; none looks like an option on a command line."""
        return cls(
            user="oscar",
            password=secrets.token_hex(16),
            access_key=secrets.token_hex(10).upper(),
            secret_key=secrets.token_hex(20),
            deployment=str(uuid.uuid4()),
        )


class DataFolder:
    """A local cluster's data directory.

    Args:
        path: the directory; `create` makes it when it is absent.
    """

    def __init__(self, path: Path) -> None:
        # Processes are recognised by the paths in their environment, so one directory has one name.
        self.path = path.resolve()
        self.database = self.path / DATABASE
        self.blobs = self.path / "blobs"
        self.jobs = self.path / "jobs"
        self.begun_jobs = self.path / "begun-jobs"
        self.deployments = self.path / "deployments"
        self.volumes = self.path / "volumes"
        self.mounts = self.path / "mounts"
        self.images = self.path / "images"
        self.pull_secrets = self.path / "pull-secrets"
        self._engine = self.path / "engine.json"
        self.server_log = self.path / "server.log"
        self._settings = self.path / "settings.json"
        self._lock = self.path / "lock"

    def create(self) -> None:
        """Make the directory and what belongs into it, for this user's eyes only. Raises OscarError."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o700)
            for below in (self.blobs, self.jobs, self.volumes):
                below.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise OscarError(
                f"use the data directory {self.path}: {error.strerror}",
                hint="name another one with --data-dir DIRECTORY",
            ) from error

    def lock(self) -> int:
        """Take the directory for this process until it ends or closes the returned descriptor.

        Raises:
            FolderTakenError: another process has it; the message names its pid.
        """
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _try_lock(descriptor) or not self._is_lock(descriptor):
            os.close(descriptor)
            raise FolderTakenError(
                f"use the data directory {self.path}: a server with pid {self._pid() or 'unknown'} "
                "is using it",
                hint="stop that server with 'oscar-cli local stop', or name another directory "
                "with --data-dir DIRECTORY",
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        return descriptor

    def _is_lock(self, descriptor: int) -> bool:
        # A reset may have removed the file while we waited for it.
        try:
            return os.path.samestat(os.fstat(descriptor), self._lock.stat())
        except FileNotFoundError:
            return False

    def holder(self) -> int | None:
        """Return the pid of the server that uses the directory, `None` when there is none.

        The lock answers, not the pid alone: a number left behind by a dead server may be anyone's today.
        """
        poll = Poll(LOCK_POLL_SECONDS, limit=LOCK_SECONDS)
        while self._is_taken():
            pid = self._pid()
            # A server that has just taken the lock has not written its number yet.
            if pid is not None or not poll.wait():
                return pid
        return None

    def _is_taken(self) -> bool:
        try:
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _pid(self) -> int | None:
        try:
            return int(self._lock.read_text())
        except (OSError, ValueError):
            return None

    def read_settings(self) -> Settings | None:
        """Return what was remembered, `None` before the first start. Raises OscarError when unreadable."""
        try:
            document = json.loads(self._settings.read_text(encoding="utf-8"))
            return Settings(**{item.name: document[item.name] for item in fields(Settings)})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OscarError(
                f"read {self._settings}: {type(error).__name__}: {error}",
                hint="'oscar-cli local reset' starts anew; it removes the local cluster's data",
            ) from error

    def write_settings(self, settings: Settings) -> None:
        """Remember `settings`, readable for this user alone; the file is whole at any moment."""
        draft = self._settings.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(asdict(settings), stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(self._settings)

    def settings(self) -> Settings:
        """Return what was remembered, made up and stored at the first call."""
        settings = self.read_settings()
        if settings is None:
            settings = Settings.fresh()
            self.write_settings(settings)
        return settings

    def remember_binding(self, settings: Settings, host: str, port: int, s3_port: int) -> Settings:
        """Store the address in use and return the settings with it."""
        chosen = replace(settings, host=host, port=port, s3_port=s3_port)
        if chosen != settings:
            self.write_settings(chosen)
        return chosen

    def remember_engine(self, name: str, version: str) -> None:
        """Store what runs the scripts of this start, for whoever asks for the status."""
        write_atomic(self._engine, json.dumps({"name": name, "version": version}).encode())

    def read_engine(self) -> dict[str, str] | None:
        """Return what was remembered: `name` and `version`; `None` before the first start."""
        try:
            document = json.loads(self._engine.read_text(encoding="utf-8"))
            return {"name": str(document["name"]), "version": str(document["version"])}
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def open_log(self) -> TextIO:
        """Return the server's log, to be added to; it is for this user's eyes only."""
        descriptor = os.open(self.server_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8")

    def free_bytes(self) -> int:
        """Return the space left on the directory's file system for this user."""
        return shutil.disk_usage(self.path).free

    def clear(self) -> None:
        """Remove everything this program put into the directory, and the directory when nothing is left."""
        for name in CONTENTS:
            entry = self.path / name
            if entry.is_dir() and not entry.is_symlink():
                remove_tree(entry)
            else:
                entry.unlink(missing_ok=True)
        if self.path.is_dir() and not any(self.path.iterdir()):
            self.path.rmdir()


def _try_lock(descriptor: int) -> bool:
    # Whoever asks for the holder has the lock for an instant, so one refusal is not yet an answer.
    poll = Poll(LOCK_POLL_SECONDS, limit=LOCK_SECONDS)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if not poll.wait():
                return False
        else:
            return True


def remove_tree(folder: Path) -> None:
    """Remove a folder whatever modes a script gave it; what cannot be removed stays, in silence."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        _open_up(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _open_up(folder: Path) -> None:
    # Removing an entry needs a writable parent, descending needs a readable folder.
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        with suppress(OSError):
            current.chmod(0o700)
            with os.scandir(current) as entries:
                waiting += [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
