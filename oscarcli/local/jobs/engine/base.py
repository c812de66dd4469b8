"""What every engine offers, and how a run is told to stop."""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from oscarcli.local.images.model import ImageStore
from oscarcli.local.work_turn import WorkTurn


class RunCancelled(Exception):  # noqa: N818 -- wanted by someone, not a defect
    """The run was told to stop; the text says why."""


class MemoryExceededError(Exception):
    """A script was ended because it used more memory than it may."""


class RunCancellation:
    """Tells one run to stop, from another thread, at most once.

    Stages ask with `check`; whoever blocks registers with `notify` to be woken.

    Args:
        turn: of short work, that the run's thread may have; it gives it away where it waits.
    """

    def __init__(self, turn: WorkTurn | None = None) -> None:
        self.turn = turn or WorkTurn()
        self._lock = threading.Lock()
        self._reason: str | None = None
        self._listeners: list[Callable[[], None]] = []

    @property
    def reason(self) -> str | None:
        """Why the run has to stop; `None` while it may go on."""
        return self._reason

    def cancel(self, reason: str) -> None:
        """Tell the run to stop. Only the first reason counts."""
        with self._lock:
            if self._reason is not None:
                return
            self._reason = reason
            # Under the lock: once `forget` has returned, what the listener uses may be closed.
            for listener in self._listeners:
                listener()

    def check(self) -> None:
        """Raise RunCancelled when the run has to stop."""
        if self._reason is not None:
            raise RunCancelled(self._reason)

    def notify(self, listener: Callable[[], None]) -> None:
        """Call `listener` when the run has to stop, at once when it has to already."""
        with self._lock:
            if self._reason is None:
                self._listeners.append(listener)
                return
        listener()

    def forget(self, listener: Callable[[], None]) -> None:
        """Do not call `listener` any more."""
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)


@dataclass(frozen=True)
class Bind:
    """A file or folder of this machine at a path inside a container.

    Args:
        source: on this machine.
        target: in the container, an absolute path.
        read_only: whether scripts only read, where the engine can see to it.
        keeps_owners: whether files stay those of the container's user when the run has ended.
    """

    source: Path
    target: str
    read_only: bool = False
    keeps_owners: bool = False


@dataclass(frozen=True)
class Container:
    """The container that a script is to run in.

    Args:
        image: what the engine knows the image by; see `Image.identifier`.
        name: the container's, found nowhere else.
        host_name: what it takes its machine's name to be.
        binds: what of this machine it sees.
        memory: its limit in bytes.
        cpu: its limit in cores.
        gpu: whether it gets the machine's GPUs.
        folder: where the engine may write files about the run.
        published: a port of this machine at loopback, and the container's that is reached there; for engines
            whose containers have a network of their own.
    """

    image: str
    name: str
    host_name: str
    binds: Sequence[Bind]
    memory: int
    cpu: float
    gpu: bool
    folder: Path
    published: tuple[int, int] | None = None


class StartMode(enum.Enum):
    """How a run begins, as Kubernetes is told to: `/bin/sh FILE`, `/bin/sh -c FILE`, the image's own command.

    A run that is no job has its engine's messages among its output.
    """

    JOB = "job"
    EXECUTED = "executed"
    IMAGE = "image"


@dataclass(frozen=True)
class ScriptCommand:
    """A script that is to run.

    Args:
        script: the script file; a path inside the container if there is one. A job's is run by `/bin/sh`
            whatever its first line says.
        folder: an empty working directory; a container has the image's own.
        environment: all variables of the script; an image adds its own.
        marker: a variable's name and value found in no other run's environment.
        container: where it runs, `None` for this machine itself.
        mode: how it is started; without a container there is no image to have a command.
    """

    script: str
    folder: Path
    environment: Mapping[str, bytes]
    marker: tuple[str, bytes]
    container: Container | None = None
    mode: StartMode = StartMode.JOB


class Engine(Protocol):
    """Executes scripts.

    Attributes:
        name: what users call it.
        version: of the program, empty when there is none.
    """

    name: str
    version: str

    @property
    def images(self) -> ImageStore | None:
        """The images it runs scripts in, `None` when it uses none."""
        ...

    @property
    def passes_gpus(self) -> bool:
        """Whether scripts get at this machine's GPUs."""
        ...

    @property
    def has_own_network(self) -> bool:
        """Whether ports of a container are not those of this machine, and have to be published."""
        ...

    def run(
        self, command: ScriptCommand, output: Callable[[bytes], None], cancellation: RunCancellation
    ) -> int:
        """Run a script to its end.

        Args:
            command: what to run.
            output: called with blocks of what the script prints, both streams in order; once with an empty
                one, if it prints nothing for a moment.
            cancellation: stops the run when asked.

        Returns:
            The script's exit code; 128 plus the signal's number when a signal ended it.

        Raises:
            RunCancelled: the run was stopped; nothing of it is left alive.
            MemoryExceededError: it was ended because it used more memory than it may.
            OSError: the script cannot be started.
        """
        ...

    def differences(self, image: str) -> str:
        """Return one sentence: how a run differs from one on a real cluster; empty when it does not."""
        ...

    def remove(self, container: str) -> None:
        """Remove a container that a run of a former server left behind, if it is there."""
        ...
