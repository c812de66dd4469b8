"""Images of udocker: a container each, made of a file or of what a registry has."""

from __future__ import annotations

import json
import re
import tempfile
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from oscarcli.local.images.model import Image, ImageError, Progress
from oscarcli.local.images.reference import SINGULARITY, image_file
from oscarcli.local.images.registry import look_up
from oscarcli.local.images.unpack import image_digest
from oscarcli.local.jobs.engine.client import ClientError, EngineProgram
from oscarcli.local.jobs.engine.container import SHELL, require_shell

NAME = "udocker"
# Characters of an image's name that its container's has: `ps` cuts names to 100.
_MAX_SHOWN = 40
_CONTAINER_NAME = re.compile(r"oscar-.*-[0-9a-f]{16}")


class UdockerImages:
    """Images of udocker, each with one container that all jobs share, named by its content.

    Args:
        program: udocker.
        folder: where files of images are while they are read; made here.
    """

    def __init__(self, program: EngineProgram, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._options: dict[str, list[str]] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def options(self, name: str) -> list[str]:
        """Return the options of `run` that udocker itself would choose otherwise than others do.

        Raises:
            OSError: the container is not there.
        """
        if name not in self._options:
            try:
                config = json.loads(self._program.ask("inspect", name))["config"]
                user, folder = config.get("User"), config.get("WorkingDir")
            except (ClientError, ValueError, LookupError, TypeError, AttributeError) as error:
                raise OSError(f"{NAME} does not know the container {name}: {error}") from error
            self._options[name] = [f"--workdir={folder or '/'}", *([f"--user={user}"] if user else [])]
        return self._options[name]

    def find(self, reference: str) -> Image | None:
        """Return an image that is here by its container; see `ImageStore.find`."""
        if not _CONTAINER_NAME.fullmatch(reference) or not self._has(reference):
            return None
        return Image(reference, reference, "")

    def _has(self, name: str) -> bool:
        try:
            return f"['{name}']" in self._program.ask("ps")
        except ClientError as error:
            raise ImageError(f"{NAME} cannot look for the image: {error}") from error

    def pull(self, reference: str, authentication: Path | None, progress: Progress) -> Image:
        """Get an image from a registry or a file; see `ImageStore.pull`."""
        file = image_file(reference)
        if file is not None and file.kind == SINGULARITY:
            raise ImageError("only apptainer runs .sif files")
        if file is not None:
            progress(f"reading {file.path}")
            path, digest = file.path, image_digest(file)
            return self._provide(reference, digest, digest, lambda: self._create(path))
        # `udocker pull` keeps logins where everybody's jobs can use them, and does not tell the digest.
        found = look_up(reference, authentication)

        def download() -> str:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._folder) as place:
                archive = Path(place) / "image.tar"
                found.save(archive, progress, self._stopped)
                return self._create(archive)

        return self._provide(reference, found.config_digest, found.digest, download)

    def _provide(self, reference: str, content: str, digest: str, create: Callable[[], str]) -> Image:
        """Return an image, whose container is made unless there is one with the same content."""
        shown = re.sub(r"[^A-Za-z0-9]", "-", reference)[-_MAX_SHOWN:].strip("-")
        name = f"oscar-{shown}-{content.partition(':')[2][:16]}"
        image = Image(reference, name, digest)
        with self._lock:
            if not self._has(name):
                number = create()
                try:
                    self.check(Image(reference, number, digest))
                    self._program.ask("name", number, name)
                except (ImageError, ClientError) as error:
                    # Nothing else knows of the container.
                    self.remove(number)
                    raise error if isinstance(error, ImageError) else ImageError(str(error)) from error
        return image

    def _create(self, path: Path) -> str:
        """Make a container of an image's file and return its id. Raises ImageError."""
        # It loads no name a second time; this one is new.
        words = ["load", "-i", str(path), f"oscar-cli/{uuid.uuid4().hex}"]
        tag = _first_name(self._program.pull(words, lambda line: None))
        number = self._program.pull(["create", tag], lambda line: None)
        # The container has all of it.
        with suppress(ClientError):
            self._program.ask("rmi", tag)
        return number

    def check(self, image: Image) -> None:
        """Run an image's shell once; see `ImageStore.check`."""
        words = ("--quiet", "run", "--nobanner", f"--entrypoint={SHELL}", image.identifier)
        require_shell(self._program, image, *words)

    def remove(self, identifier: str) -> None:
        """Remove a container; see `ImageStore.remove`."""
        try:
            self._program.ask("rm", "-f", identifier)
        except ClientError as error:
            raise ImageError(str(error)) from error

    def stop(self) -> None:
        """End all pulls."""
        self._stopped.set()
        self._program.stop()


def _first_name(loaded: str) -> str:
    """Return the image in what `load` prints last: its name, or of an OCI archive the list of all names."""
    return loaded.strip("[]").partition(",")[0].strip("' ")
