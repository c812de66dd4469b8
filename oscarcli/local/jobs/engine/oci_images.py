"""Images of podman and docker: found, pulled, loaded from files, checked and removed."""

from __future__ import annotations

import json
import logging
import re
import tempfile
from pathlib import Path
from typing import Any

from oscarcli.local.images.model import Image, ImageError, Progress
from oscarcli.local.images.reference import OCI_ARCHIVE, SINGULARITY, ImageFile, image_file
from oscarcli.local.images.unpack import as_docker_archive
from oscarcli.local.jobs.engine.client import ClientError, EngineProgram
from oscarcli.local.jobs.engine.container import SHELL, require_shell
from oscarcli.local.jobs.engine.oci_dialect import DOCKER, PODMAN, Dialect

log = logging.getLogger(__name__)

# What docker says before the name of an image, or before its id.
_LOADED = re.compile(r"^Loaded image(?: ID)?: ")
_STEP = re.compile(r"[0-9a-f]{12,64}")


class OciImages:
    """The images of podman or docker; they are the user's, so only those that we pulled are ever removed.

    Args:
        dialect: which of them.
        client: the program.
    """

    def __init__(self, dialect: Dialect, client: EngineProgram) -> None:
        self._dialect = dialect
        self._client = client

    def find(self, reference: str) -> Image | None:
        """Return an image that is here; see `ImageStore.find`."""
        if image_file(reference) is not None:
            return None
        return self._inspect(reference, reference)

    def _inspect(self, name: str, reference: str) -> Image | None:
        try:
            document: dict[str, Any] = json.loads(self._client.ask("image", "inspect", name))[0]
        except ClientError as error:
            words = str(error).lower()
            if "no such" in words or "not known" in words or "not found" in words:
                return None
            raise ImageError(f"{self._dialect.name} cannot look for the image: {error}") from error
        except (ValueError, LookupError) as error:
            raise ImageError(f"{self._dialect.name} does not say what the image is: {error}") from error
        digests = [str(item).rpartition("@")[2] for item in document.get("RepoDigests") or ()]
        identifier = str(document.get("Id") or name)
        digest = document.get("Digest") or (digests or [identifier])[0]
        return Image(reference, identifier, str(digest), document.get("Size"))

    def pull(self, reference: str, authentication: Path | None, progress: Progress) -> Image:
        """Get an image from a registry or a file; see `ImageStore.pull`."""
        file = image_file(reference)
        name = reference if file is None else self._load(file, progress)
        if file is None:
            self._pull(reference, authentication, progress)
        image = self._inspect(name, reference)
        if image is None:
            raise ImageError(f"{self._dialect.name} has no image {name} after it was pulled")
        self.check(image)
        return image

    def _pull(self, reference: str, authentication: Path | None, progress: Progress) -> None:
        words = ["pull", reference]
        if authentication is not None and self._dialect is PODMAN:
            words[1:1] = [f"--authfile={authentication}"]
        elif authentication is not None:
            words[0:0] = [f"--config={authentication.parent}"]
        self._client.pull(words, lambda line: progress(_step(line)))

    def _load(self, file: ImageFile, progress: Progress) -> str:
        if file.kind == SINGULARITY:
            raise ImageError(f"{self._dialect.name} runs no .sif files; apptainer does")
        progress(f"reading {file.path}")
        if file.kind == OCI_ARCHIVE and self._dialect is DOCKER:
            with tempfile.TemporaryDirectory(prefix="oscar-cli-") as folder:
                return self._load_path(as_docker_archive(file, Path(folder)), file.kind)
        return self._load_path(file.path, file.kind)

    def _load_path(self, path: Path, kind: str) -> str:
        """Make an image of a file; return its name, or its id when the file gives none."""
        words = [word.format(kind=kind, file=path) for word in self._dialect.load]
        return _LOADED.sub("", self._client.pull(words, lambda line: None))

    def check(self, image: Image) -> None:
        """Run an image's shell once; see `ImageStore.check`."""
        options = ("--rm", "--pull=never", "--network=none", f"--entrypoint={SHELL}")
        require_shell(self._client, image, "run", *options, image.identifier)

    def remove(self, identifier: str) -> None:
        """Remove an image; see `ImageStore.remove`."""
        try:
            self._client.ask("rmi", identifier)
        except ClientError as error:
            raise ImageError(str(error)) from error

    def stop(self) -> None:
        """End all pulls."""
        self._client.stop()


def _step(line: str) -> str:
    """Return a line of a pull without most of its digests."""
    return _STEP.sub(lambda match: match[0][:12], line).replace("sha256:", "")
