"""Images as folders of this machine: a tree of files and the image's configuration."""

from __future__ import annotations

import json
import os
import shutil
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from oscarcli.local.images.model import Image, ImageError, Progress
from oscarcli.local.images.reference import OCI_ARCHIVE, ImageFile
from oscarcli.local.images.registry import look_up
from oscarcli.local.images.unpack import unpack

ROOT = "root"
# Bytes in what `st_blocks` counts.
_BLOCK = 512
CONFIG = "config.json"
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What is mounted over in a container has to be there, and nothing can be made in a tree that is in use.
FOLDERS = ("dev", "etc", "home", "oscar/config", "proc", "root", "sys", "tmp", "var/tmp")
FILES = ("etc/group", "etc/hosts", "etc/passwd", "etc/resolv.conf")


@dataclass(frozen=True)
class User:
    """Who an image's scripts run as: numbers, and the home folder."""

    number: int
    group: int
    home: str


@dataclass(frozen=True)
class ImageTree:
    """An image that is a folder; `root` has its files in it, which take `size` bytes of the disk."""

    folder: Path
    config: Mapping[str, Any]
    digest: str
    size: int | None = None

    @property
    def root(self) -> Path:
        """The folder of the image's files."""
        return self.folder / ROOT

    @property
    def working_folder(self) -> str:
        """Where scripts start."""
        return str(self.config.get("WorkingDir") or "/")

    def image(self, reference: str) -> Image:
        """Return the image that a service names so."""
        return Image(reference, str(self.folder), self.digest, self.size)

    def user(self) -> User:
        """Return who scripts run as. Raises ImageError when the image does not know its own user."""
        name, _, group = str(self.config.get("User") or "0").partition(":")
        for entry in self._entries("etc/passwd", 7):
            if name in (entry[0], entry[2]):
                return User(int(entry[2]), self._group(group, int(entry[3])), entry[5] or "/")
        if not name.isdigit():
            raise ImageError(f'the image has no user "{name}", whom it wants to run as')
        return User(int(name), self._group(group, 0), "/root" if name == "0" else "/")

    def _group(self, name: str, default: int) -> int:
        for entry in self._entries("etc/group", 3):
            if name and name in (entry[0], entry[2]):
                return int(entry[2])
        return int(name) if name.isdigit() else default

    def _entries(self, name: str, columns: int) -> list[list[str]]:
        path = self.root / name
        if path.is_symlink() or not path.is_file():
            return []
        rows = [line.split(":") for line in path.read_text("utf-8", "replace").splitlines()]
        return [row for row in rows if len(row) >= columns]

    def make_mount_point(self, path: str) -> None:
        """Make the folder that something of this machine will be bound over, unless it is there.

        Raises:
            OSError: a part of the path is a link or a file in the image, or it cannot be made.
        """
        current = self.root
        for part in PurePosixPath(path).parts[1:]:
            current /= part
            if current.is_symlink() or (current.exists() and not current.is_dir()):
                shown = current.relative_to(self.root)
                raise OSError(f"nothing can be bound at {path}: /{shown} is no folder in the image")
            current.mkdir(exist_ok=True)

    def environment(self) -> dict[str, bytes]:
        """Return the variables that every container of the image has."""
        given = dict(str(item).partition("=")[::2] for item in self.config.get("Env") or ())
        values = {"PATH": DEFAULT_PATH, "HOME": self.user().home, **given}
        return {name: value.encode("utf-8", "surrogateescape") for name, value in values.items()}


class ImageTrees:
    """The trees of one engine.

    Args:
        folder: where they are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, identifier: str) -> ImageTree | None:
        """Return a tree by its folder, `None` when it is not there. Raises ImageError when it is broken."""
        folder = Path(identifier)
        path = folder / CONFIG
        if folder.parent != self._folder or not path.exists():
            return None
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            return ImageTree(folder, document["config"], document["digest"], document.get("size"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ImageError(f"the image in {folder} cannot be read: {error}") from error

    def unpack(self, file: ImageFile, progress: Progress) -> ImageTree:
        """Make a tree of an image's file, in place of one with the same content. Raises ImageError."""
        draft = self._folder / f".{uuid.uuid4().hex}"
        try:
            content = unpack(file, draft / ROOT, progress)
            return self._finish(draft, content.config, content.digest)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def fetch(
        self, reference: str, authentication: Path | None, progress: Progress, stopped: threading.Event
    ) -> Image:
        """Get an image from a registry and make a tree of it.

        Args:
            reference: how a service names it.
            authentication: a file of logins to registries.
            progress: told how far it is.
            stopped: ends it when it is set.

        Returns:
            The image, with the digest by which the registry knows it.

        Raises:
            ImageError: it cannot be had.
        """
        found = look_up(reference, authentication)
        tree = self.find(str(self._place(found.config_digest)))
        if tree is None:
            archive = self._folder / f".{uuid.uuid4().hex}.tar"
            try:
                found.save(archive, progress, stopped)
                tree = self.unpack(ImageFile(OCI_ARCHIVE, archive), progress)
            finally:
                archive.unlink(missing_ok=True)
        return replace(tree.image(reference), digest=found.digest)

    def _place(self, digest: str) -> Path:
        return self._folder / digest.partition(":")[2][:32]

    def _finish(self, draft: Path, config: Mapping[str, Any], digest: str) -> ImageTree:
        """Give a tree in a draft's folder its final place and return it. Raises ImageError."""
        folder = self._place(digest)
        try:
            _complete(draft / ROOT)
            size = _size(draft / ROOT)
            document = {"config": config, "digest": digest, "size": size}
            (draft / CONFIG).write_text(json.dumps(document), encoding="utf-8")
            if not folder.exists():
                draft.rename(folder)
        except OSError as error:
            raise ImageError(f"the image cannot be kept: {error}") from error
        return ImageTree(folder, config, digest, size)

    def remove(self, identifier: str) -> None:
        """Remove a tree. Raises ImageError."""
        folder = Path(identifier)
        if folder.parent != self._folder:
            raise ImageError(f"{folder} is no image of this cluster")
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise ImageError(f"{folder} cannot be removed: {error}") from error


def _size(root: Path) -> int:
    """Return the bytes that a folder's files take on the disk; a file of several names counts once."""
    counted = {}
    for parent, _, names in os.walk(root):
        for name in names:
            status = os.lstat(os.path.join(parent, name))  # noqa: PTH118
            counted[status.st_ino] = status.st_blocks * _BLOCK
    return sum(counted.values())


def _complete(root: Path) -> None:
    for name in FOLDERS:
        folder = root / name
        if not folder.is_symlink():
            folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        path = root / name
        if not path.is_symlink() and path.parent.is_dir():
            path.touch()
