"""How a service names its image: by a registry, or by a file on this machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from oscarcli.local.images.model import ImageError

# What podman, skopeo and apptainer call the two forms in which an image is one tar file.
DOCKER_ARCHIVE = "docker-archive"
OCI_ARCHIVE = "oci-archive"
ARCHIVES = (DOCKER_ARCHIVE, OCI_ARCHIVE)
SINGULARITY = "sif"
_NAME = re.compile(r"[\w][\w.\-/:@]*", re.ASCII)


@dataclass(frozen=True)
class ImageFile:
    """An image in a file; `kind` is `docker-archive`, `oci-archive` or `sif`."""

    kind: str
    path: Path

    def stamp(self) -> str:
        """Return what changes with the file's content. Raises ImageError when it cannot be read."""
        try:
            status = self.path.stat()
            self.path.open("rb").close()
        except OSError as error:
            raise ImageError(f"the image file {self.path} cannot be read: {error.strerror}") from error
        return f"{status.st_mtime_ns}-{status.st_size}"


def image_file(reference: str) -> ImageFile | None:
    """Return the file that a reference names, `None` when it names a registry's image.

    Raises:
        ImageError: it is not an absolute path, or not the name of an image.
    """
    kind, colon, path = reference.partition(":")
    if colon and kind in ARCHIVES:
        return ImageFile(kind, _absolute(path, reference))
    if reference.endswith(f".{SINGULARITY}"):
        return ImageFile(SINGULARITY, _absolute(reference, reference))
    if not _NAME.fullmatch(reference):
        raise ImageError(f'"{reference}" cannot be the name of an image')
    return None


def _absolute(path: str, reference: str) -> Path:
    if not path.startswith("/"):
        raise ImageError(f'the image "{reference}" names a file without its whole path; begin it with /')
    return Path(path)
