"""Unpacks images from files into folders, for engines that run folders: layer over layer."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from oscarcli.local.images.model import ImageError, Progress
from oscarcli.local.images.reference import DOCKER_ARCHIVE, SINGULARITY, ImageFile

DOCKER_MANIFEST = "manifest.json"
# A file of this name says that another one is gone; one of the second name, that all of its folder are.
WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
_MAX_DOCUMENT = 4 << 20


@dataclass(frozen=True)
class ImageContent:
    """What is in an image's file: its layers' names, and its configuration with its name and its digest."""

    layers: tuple[str, ...]
    config_name: str
    config: dict[str, Any]
    digest: str


def unpack(file: ImageFile, target: Path, progress: Progress) -> ImageContent:
    """Unpack an image.

    Args:
        file: where it is.
        target: a folder for its files, made here.
        progress: told of each layer.

    Raises:
        ImageError: the file is none of an image, or cannot be unpacked safely.
    """
    if file.kind == SINGULARITY:
        raise ImageError("only apptainer runs .sif files")
    if not hasattr(tarfile, "tar_filter"):
        raise ImageError("this version of Python cannot unpack archives safely; 3.10.12 and later can")
    target.mkdir(parents=True)
    try:
        with tarfile.open(file.path) as archive:
            content = _content(file, archive)
            for number, name in enumerate(content.layers, 1):
                progress(f"unpacking layer {number} of {len(content.layers)}")
                with _member(archive, name) as stream, tarfile.open(fileobj=stream) as layer:
                    _apply(layer, target)
    except (tarfile.TarError, OSError, ValueError, LookupError, TypeError) as error:
        raise ImageError(f"the image file {file.path} cannot be unpacked: {error}") from error
    return content


def image_digest(file: ImageFile) -> str:
    """Return the digest of an image in a file, which is its configuration's. Raises ImageError."""
    try:
        with tarfile.open(file.path) as archive:
            return _content(file, archive).digest
    except (tarfile.TarError, OSError, ValueError, LookupError, TypeError) as error:
        raise ImageError(f"the image file {file.path} cannot be read: {error}") from error


def as_docker_archive(file: ImageFile, folder: Path) -> Path:
    """Copy an OCI archive and make it one of Docker's besides, which its older versions want.

    Args:
        file: the archive.
        folder: where the copy goes.

    Raises:
        ImageError: it is no archive of an image, or cannot be copied.
    """
    path = folder / "image.tar"
    try:
        with tarfile.open(file.path, "r:") as archive:
            content = _content(file, archive)
        shutil.copyfile(file.path, path)
        manifest = [{"Config": content.config_name, "RepoTags": None, "Layers": content.layers}]
        data = json.dumps(manifest).encode()
        with tarfile.open(path, "a") as archive:
            add_file(archive, DOCKER_MANIFEST, data)
    except (tarfile.TarError, OSError, ValueError, LookupError, TypeError) as error:
        raise ImageError(f"the image file {file.path} cannot be read: {error}") from error
    return path


def add_file(archive: tarfile.TarFile, name: str, data: bytes, mode: int = 0o644) -> None:
    """Add a file of some bytes to an archive."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))


def _content(file: ImageFile, archive: tarfile.TarFile) -> ImageContent:
    if file.kind == DOCKER_ARCHIVE:
        manifest = _document(archive, DOCKER_MANIFEST)[0]
        name, layers = manifest["Config"], tuple(manifest["Layers"])
    else:
        index = _document(archive, "index.json")
        manifest = _document(archive, _blob(index["manifests"][0]))
        name, layers = _blob(manifest["config"]), tuple(_blob(layer) for layer in manifest["layers"])
    with _member(archive, name) as stream:
        data = stream.read(_MAX_DOCUMENT)
    config = json.loads(data).get("config") or {}
    return ImageContent(layers, name, config, f"sha256:{hashlib.sha256(data).hexdigest()}")


def _blob(descriptor: dict[str, Any]) -> str:
    kind, _, digest = str(descriptor["digest"]).partition(":")
    return f"blobs/{kind}/{digest}"


def _document(archive: tarfile.TarFile, name: str) -> Any:
    with _member(archive, name) as stream:
        return json.loads(stream.read(_MAX_DOCUMENT))


def _member(archive: tarfile.TarFile, name: str) -> BinaryIO:
    stream = archive.extractfile(name)
    if stream is None:
        raise ValueError(f"{name} in it is no file")
    return stream  # type: ignore[return-value]


def _apply(layer: tarfile.TarFile, target: Path) -> None:
    for member in layer:
        path = target / member.name
        if path.name == OPAQUE:
            _clear(target, path.parent)
        elif path.name.startswith(WHITEOUT):
            _remove(target, path.with_name(path.name.removeprefix(WHITEOUT)))
        else:
            if not member.isdir() or path.is_symlink():
                _remove(target, path)
            layer.extract(member, target, set_attrs=True, filter=_kept)


def _kept(member: tarfile.TarInfo, target: str) -> tarfile.TarInfo | None:
    """Return what is unpacked of an entry: no devices, and this user is the owner of everything."""
    if member.isdev():
        return None
    checked = tarfile.tar_filter(member, target)
    mode = (checked.mode or 0) | (0o700 if member.isdir() else 0o600)
    return checked.replace(mode=mode, uid=None, gid=None, uname=None, gname=None, deep=False)  # type: ignore[arg-type]


def _clear(target: Path, folder: Path) -> None:
    if folder.is_dir() and not folder.is_symlink():
        for entry in list(folder.iterdir()):
            _remove(target, entry)


def _remove(target: Path, path: Path) -> None:
    """Remove what is at a path, which has to be below `target` also by its links."""
    if not path.parent.resolve().is_relative_to(target.resolve()):
        raise ValueError(f"{path} is outside of the image")
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
