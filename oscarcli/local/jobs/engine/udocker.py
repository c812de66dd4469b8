"""Runs scripts by udocker, which needs no rights and no kernel features; OSCAR's own community makes it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from oscarcli.local.images.model import Image, ImageError, Progress
from oscarcli.local.images.reference import SINGULARITY, image_file
from oscarcli.local.jobs.engine import probe_image
from oscarcli.local.jobs.engine.base import RunCancellation, ScriptCommand, StartMode
from oscarcli.local.jobs.engine.client import ClientError, EngineProgram
from oscarcli.local.jobs.engine.container import (
    SHELL,
    GpuSetup,
    bind_words,
    container_of,
    has_gpu,
    program_environment,
    require_shell,
    run_client,
    shell_arguments,
)

NAME = "udocker"
PROBE_IMAGE = "oscar-cli/probe:1"
PROBE_CONTAINER = "oscar-cli-probe"
# Characters of an image's name that its container's has.
_MAX_SHOWN = 40
_CONTAINER_NAME = re.compile(r"oscar-.*-[0-9a-f]{16}")
# What it sets in every container, and a real job has not.
_ITS_VARIABLES = (
    "container_uuid container_ruser container_root container_execmode container_names PS1 TERM USERNAME USER "
    "LOGNAME PROOT_TMP_DIR PROOT_NO_SECCOMP cont_nvi"
)


class UdockerEngine:
    """Runs scripts by udocker.

    Args:
        program: udocker.
        version: its version.
    """

    name = NAME
    has_own_network = False

    def __init__(self, program: EngineProgram, version: str = "") -> None:
        self.version = version
        self.images = UdockerImages(program)
        self._program = program
        self._gpu_setup = GpuSetup(program)

    @property
    def passes_gpus(self) -> bool:
        """Whether there are GPUs to hand out."""
        return has_gpu()

    def run(
        self, command: ScriptCommand, output: Callable[[bytes], None], cancellation: RunCancellation
    ) -> int:
        """Run a script to its end; see `Engine.run`."""
        container = container_of(command)
        if container.gpu:
            self._gpu_setup.require(container.image, "setup", "--nvidia", "--force", container.image)
        options = [f"--env=HOSTNAME={container.host_name}", "--nobanner"]
        options += self.images.options(container.image)
        options += [f"--volume={bind_words(bind)}" for bind in container.binds]
        options += [f"--env={name}={os.fsdecode(value)}" for name, value in command.environment.items()]
        words = [*self._program.words, "--quiet", "run", *options]
        if command.mode is StartMode.IMAGE:
            words.append(container.image)
        else:
            given = set(command.environment)
            unwanted = [name for name in _ITS_VARIABLES.split() if name not in given]
            shell, text, script = shell_arguments(command, limited=False)
            words += [f"--entrypoint={SHELL}", container.image]
            words += [shell, f"unset {' '.join(unwanted)}\n{text}", script]
        return run_client(words, program_environment(self._program), command, output, cancellation)

    def differences(self, image: str) -> str:
        """Return one sentence: how a run differs from one on a real cluster."""
        return (
            f"{NAME} keeps no limits of memory and cpu, and what a script writes to the files of its image "
            f"{image} is there for the next job too"
        )

    def remove(self, container: str) -> None:
        """Do nothing: a container is no more than its processes, which end with the server."""


class UdockerImages:
    """Images of udocker, each with one container that all jobs share.

    Args:
        program: udocker.
    """

    def __init__(self, program: EngineProgram) -> None:
        self._program = program
        self._options: dict[str, list[str]] = {}

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
        """Return an image that has a container; see `ImageStore.find`."""
        if image_file(reference) is not None:
            return None
        name = reference if _CONTAINER_NAME.fullmatch(reference) else _container_name(reference)
        try:
            listed = self._program.ask("ps")
        except ClientError as error:
            raise ImageError(f"{NAME} cannot look for the image: {error}") from error
        if not re.search(rf"\['{re.escape(name)}'\]", listed):
            return None
        return Image(reference, name, "")

    def pull(self, reference: str, authentication: Path | None, progress: Progress) -> Image:
        """Get an image from a registry or a file; see `ImageStore.pull`."""
        file = image_file(reference)
        name = _container_name(reference)
        if authentication is not None:
            raise ImageError(f"{NAME} takes no logins from image_pull_secrets; use 'udocker login'")
        if file is None:
            self._program.pull(["pull", reference], progress)
            tag = reference
        elif file.kind == SINGULARITY:
            raise ImageError("only apptainer runs .sif files")
        else:
            progress(f"reading {file.path}")
            # It loads no name a second time; this one is new.
            words = ["load", "-i", str(file.path), f"oscar-cli/{uuid.uuid4().hex}"]
            tag = _first_name(self._program.pull(words, lambda line: None))
        # There may be none.
        with suppress(ClientError):
            self._program.ask("rm", "-f", name)
        self._program.pull(["create", f"--name={name}", tag], lambda line: None)
        self._options.pop(name, None)
        if file is not None:
            # The container has all of it.
            with suppress(ClientError):
                self._program.ask("rmi", tag)
        image = Image(reference, name, "")
        try:
            self.check(image)
        except ImageError:
            # Nothing else knows of the container.
            with suppress(ClientError):
                self._program.ask("rm", "-f", name)
            raise
        return image

    def check(self, image: Image) -> None:
        """Run an image's shell once; see `ImageStore.check`."""
        words = ("--quiet", "run", "--nobanner", f"--entrypoint={SHELL}", image.identifier)
        require_shell(self._program, image, *words)

    def remove(self, identifier: str) -> None:
        """Remove a container; the image's layers stay until 'udocker rmi'. See `ImageStore.remove`."""
        try:
            self._program.ask("rm", "-f", identifier)
        except ClientError as error:
            raise ImageError(str(error)) from error

    def stop(self) -> None:
        """End all pulls."""
        self._program.stop()


def _container_name(reference: str) -> str:
    """Return a name of one reference only, short: `ps` cuts names to 100 characters."""
    shown = re.sub(r"[^A-Za-z0-9]", "-", reference)[-_MAX_SHOWN:].strip("-")
    return f"oscar-{shown}-{hashlib.sha256(reference.encode()).hexdigest()[:16]}"


def _first_name(loaded: str) -> str:
    """Return the image in what `load` prints last: its name, or of an OCI archive the list of all names."""
    return loaded.strip("[]").partition(",")[0].strip("' ")


def probe(path: str, seconds: float) -> UdockerEngine:
    """Run a program once and return the engine that can.

    Args:
        path: udocker.
        seconds: how long all of it may take.

    Raises:
        ClientError: it does not work, or not in time.
        NotImplementedError: nothing can be started here to find out.
    """
    program = EngineProgram([path, *(["--allow-root"] if os.geteuid() == 0 else [])])
    deadline = time.monotonic() + seconds

    def ask(*words: str, data: bytes | None = None) -> str:
        return program.ask(*words, timeout=max(deadline - time.monotonic(), 0.1), data=data)

    found = re.search(r"version:\s*(\S+)", ask("version"))
    if PROBE_CONTAINER not in ask("ps"):
        ask("import", "-", PROBE_IMAGE, data=probe_image.archive())
        ask("create", f"--name={PROBE_CONTAINER}", PROBE_IMAGE)
    ask("--quiet", "run", "--nobanner", PROBE_CONTAINER, f"/{probe_image.PROGRAM}")
    return UdockerEngine(program, found[1] if found else "")
