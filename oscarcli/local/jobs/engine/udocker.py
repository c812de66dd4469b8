"""Runs scripts by udocker, which needs no rights and no kernel features; OSCAR's own community makes it."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

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
    run_client,
    shell_arguments,
)
from oscarcli.local.jobs.engine.udocker_images import NAME, UdockerImages
from oscarcli.local.jobs.engine.udocker_proot import VARIABLE, write_wrapper

log = logging.getLogger(__name__)

# Their numbers change with what is in the image.
PROBE_IMAGE = "oscar-cli/probe:2"
PROBE_CONTAINER = "oscar-cli-probe-2"
# What it sets in every container, and a real job has not.
_ITS_VARIABLES = (
    "container_uuid container_ruser container_root container_execmode container_names PS1 TERM USERNAME USER "
    "LOGNAME PROOT_TMP_DIR PROOT_NO_SECCOMP cont_nvi OLDPWD SHLVL"
)


class UdockerEngine:
    """Runs scripts by udocker.

    Args:
        program: udocker.
        folder: where files of images are while they are read.
        version: its version.
    """

    name = NAME
    has_own_network = False

    def __init__(self, program: EngineProgram, folder: Path, version: str = "") -> None:
        self.version = version
        self.images = UdockerImages(program, folder)
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


def probe(path: str, folder: Path, seconds: float) -> UdockerEngine:
    """Run a program once and return the engine that can.

    Args:
        path: udocker.
        folder: where it may write.
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
    start = ("--quiet", "run", "--nobanner", PROBE_CONTAINER)
    ask(*start, f"/{probe_image.PROGRAM}")
    try:
        ask(*start, f"/{probe_image.STATUS_PROGRAM}")
    except ClientError:
        _mend(program, folder / NAME, lambda: ask(*start, f"/{probe_image.STATUS_PROGRAM}"))
    return UdockerEngine(program, folder / NAME, found[1] if found else "")


def _mend(program: EngineProgram, folder: Path, check: Callable[[], object]) -> None:
    """Have udocker use its proot in the way that it can; leave all as it is where there is none."""
    wrapper = write_wrapper(folder)
    if wrapper is None:
        return
    program.variables[VARIABLE] = str(wrapper)
    try:
        check()
    except ClientError as error:
        log.warning("%s: programs of new C libraries do not run: %s", NAME, error)
        del program.variables[VARIABLE]
