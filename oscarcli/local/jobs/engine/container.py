"""What scripts in containers have in common, whatever engine runs them."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from oscarcli.local.images.model import Image, ImageError
from oscarcli.local.jobs.engine.base import (
    Bind,
    Container,
    MemoryExceededError,
    RunCancellation,
    ScriptCommand,
    StartMode,
)
from oscarcli.local.jobs.engine.client import ClientError, EngineProgram, last_line
from oscarcli.local.jobs.engine.execution import Program, execute

log = logging.getLogger(__name__)

SHELL = "/bin/sh"
# There as soon as NVIDIA's driver is.
NVIDIA_DEVICE = Path("/dev/nvidiactl")
# Libraries of half a gigabyte are copied.
GPU_SETUP_SECONDS = 300.0
# Written to the engine's standard error, where scripts cannot write: their two streams are one.
_STARTED = "oscar-cli: the script starts"
_OUT_OF_MEMORY = "oscar-cli: out of memory"
MESSAGES = "engine-messages"
RECORD = "container.json"

# The shell is the container's first process, as on a real cluster: the script is not, so that it dies by
# signals as usual. The second part reads how many of the container's processes died for want of memory.
_RUN_SCRIPT = f"""echo '{_STARTED}' >&2
{SHELL} "$0" 2>&1
code=$?
"""
_ASK_FOR_MEMORY = f"""for file in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    [ -r "$file" ] && while read -r name count; do
        [ "$name" = oom_kill ] && [ "$count" != 0 ] && echo '{_OUT_OF_MEMORY}' >&2
    done < "$file"
done
"""
# What runs a file by its first line: the shell itself does when there is none.
EXECUTE = '"$0"'
# The engine's messages go to a file, and the script's lines to where the server reads.
_SEPARATE = 'exec 2> "$0"; exec "$@"'


def shell_arguments(command: ScriptCommand, *, limited: bool) -> list[str]:
    """Return what the image's `/bin/sh` is called with, for a command that it starts.

    Args:
        command: the script.
        limited: whether the engine keeps the container's limits.
    """
    if command.mode is StartMode.EXECUTED:
        return ["-c", EXECUTE, command.script]
    return ["-c", _RUN_SCRIPT + (_ASK_FOR_MEMORY if limited else "") + "exit $code", command.script]


def image_command(config: Mapping[str, Any]) -> list[str]:
    """Return the command that an image's configuration has. Raises OSError when it has none."""
    words = [str(word) for key in ("Entrypoint", "Cmd") for word in config.get(key) or ()]
    if not words:
        raise OSError("the image has no command of its own")
    return words


def run_client(
    words: Sequence[str],
    environment: Mapping[str, bytes],
    command: ScriptCommand,
    output: Callable[[bytes], None],
    cancellation: RunCancellation,
) -> int:
    """Run an engine's program, which runs a script with `shell_arguments` or the image's command.

    See `Engine.run`.

    Args:
        words: the program and its arguments.
        environment: all its variables.
        command: the script and its container.
        output: gets what the script prints.
        cancellation: stops the run when asked.
    """
    if command.mode is not StartMode.JOB:
        return execute(Program(words, command.folder, environment, command.marker), output, cancellation)
    messages = container_of(command).folder / MESSAGES
    program = Program(
        (SHELL, "-c", _SEPARATE, str(messages), *words), command.folder, environment, command.marker
    )
    code = execute(program, output, cancellation)
    said = messages.read_bytes()
    if _STARTED.encode() not in said:
        raise OSError(last_line(said) or f"{Path(words[0]).name} ended with exit code {code}")
    if _OUT_OF_MEMORY.encode() in said:
        raise MemoryExceededError("OOMKilled: it used more memory than the service may")
    return code


def container_of(command: ScriptCommand) -> Container:
    """Return a command's container."""
    if command.container is None:
        raise ValueError("the script has no container")
    return command.container


def record(engine: str, container: str, folder: Path) -> None:
    """Write down which container is about to be started, for the next start of a server that is killed."""
    text = json.dumps({"engine": engine, "container": container})
    (folder / RECORD).write_text(text, encoding="utf-8")


def recorded(folder: Path) -> tuple[str, str] | None:
    """Return engine and name of the container that was started in a folder, `None` when there is none."""
    try:
        document = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return str(document["engine"]), str(document["container"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def program_environment(program: EngineProgram) -> dict[str, bytes]:
    """Return the environment of an engine's program, which needs this process's to find its settings."""
    return {name: os.fsencode(value) for name, value in program.environment().items()}


def require_shell(program: EngineProgram, image: Image, *words: str) -> None:
    """Make sure that an image's `/bin/sh` starts: without one no script runs, nor for another processor.

    Args:
        program: the engine's.
        image: the image.
        words: the program's arguments that start the shell, up to the shell's own.

    Raises:
        ImageError: it does not start.
    """
    try:
        program.ask(*words, "-c", ":")
    except ClientError as error:
        raise ImageError(
            f"no script can run in the image {image.reference}, its {SHELL} does not start: {error}"
        ) from error


def bind_words(bind: Bind, read_only: str = "") -> str:
    """Return a bind as engines take it, `SOURCE:TARGET`.

    Args:
        bind: the bind.
        read_only: what is added for one that is only read.

    Raises:
        OSError: a path has a character that engines take for the end of it.
    """
    for path in (str(bind.source), bind.target):
        if set(path) & {":", ","}:
            raise OSError(f"{path} cannot be seen in a container: there is a colon or a comma in it")
    return f"{bind.source}:{bind.target}{read_only if bind.read_only else ''}"


def foreign_files(folder: Path) -> bool:
    """Tell whether something below a folder belongs to somebody else."""
    owner = os.geteuid()
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            try:
                if os.lstat(os.path.join(parent, name)).st_uid != owner:  # noqa: PTH118
                    return True
            except OSError:
                continue
    return False


def has_gpu() -> bool:
    """Tell whether this machine has NVIDIA's devices."""
    return NVIDIA_DEVICE.exists()


class GpuSetup:
    """Puts the libraries of NVIDIA's driver into images, for engines that need it once for each.

    Args:
        program: what does it.
    """

    def __init__(self, program: EngineProgram) -> None:
        self._program = program
        self._lock = threading.Lock()
        self._done: set[str] = set()

    def require(self, target: str, *words: str) -> None:
        """Make sure that an image has them.

        Args:
            target: the image.
            words: the program's arguments.

        Raises:
            OSError: they cannot be put there.
        """
        with self._lock:
            if target in self._done:
                return
            try:
                self._program.ask(*words, timeout=GPU_SETUP_SECONDS)
            except ClientError as error:
                name = Path(self._program.words[0]).name
                raise OSError(f"{name} cannot hand the GPU to the image: {error}") from error
            self._done.add(target)
