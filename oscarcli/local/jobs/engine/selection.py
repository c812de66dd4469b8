"""Which engine runs a service's scripts, and whether it works here."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oscarcli.local.jobs.engine.base import Engine
from oscarcli.local.jobs.engine.host import HostEngine

log = logging.getLogger(__name__)

AUTO = "auto"
HOST = "host"
# The key of a service's annotation that names the engine of its own.
ANNOTATION = "oscar-cli/engine"
# For all that it takes to start one container; what is slower is of no use.
PROBE_SECONDS = 10.0


class EngineError(Exception):
    """An engine cannot be used.

    Args:
        name: the engine.
        problem: what is wrong with it.
        remedy: what to do so that it works.
    """

    def __init__(self, name: str, problem: str, remedy: str) -> None:
        super().__init__(f"the engine {name} cannot be used: {problem}; {remedy}")
        self.name = name
        self.problem = problem
        self.remedy = remedy


class EngineMissingError(EngineError):
    """An engine's program is not on this machine."""


@dataclass(frozen=True)
class EngineKind:
    """A way to run scripts in images.

    Attributes:
        program: what has to be on the PATH.
        install: how to get it.
        repair: what to do when it is there and starts nothing.
        probe: starts it once; gets the program's path, a folder for its images, and seconds.
    """

    program: str
    install: str
    repair: str
    probe: Callable[[str, Path, float], Engine]


def _podman(program: str, _folder: Path, seconds: float) -> Engine:
    from oscarcli.local.jobs.engine.client import EngineProgram
    from oscarcli.local.jobs.engine.oci import probe
    from oscarcli.local.jobs.engine.oci_dialect import PODMAN

    return probe(PODMAN, EngineProgram([program]), seconds)


def _docker(program: str, _folder: Path, seconds: float) -> Engine:
    from oscarcli.local.jobs.engine.client import EngineProgram
    from oscarcli.local.jobs.engine.oci import probe
    from oscarcli.local.jobs.engine.oci_dialect import DOCKER

    return probe(DOCKER, EngineProgram([program]), seconds)


def _charliecloud(program: str, folder: Path, seconds: float) -> Engine:
    from oscarcli.local.jobs.engine import charliecloud
    from oscarcli.local.jobs.engine.client import EngineProgram

    # Without USER it refuses to start.
    return charliecloud.probe(EngineProgram([program], {"USER": "oscar"}), folder, seconds)


def _udocker(program: str, folder: Path, seconds: float) -> Engine:
    from oscarcli.local.jobs.engine import udocker

    return udocker.probe(program, folder, seconds)


def _apptainer(program: str, folder: Path, seconds: float) -> Engine:
    from oscarcli.local.jobs.engine import apptainer
    from oscarcli.local.jobs.engine.client import EngineProgram

    return apptainer.probe(Path(program).name, EngineProgram([program]), folder, seconds)


# In the order in which they are tried: the nearest to a real cluster first.
KINDS: Mapping[str, EngineKind] = {
    "podman": EngineKind(
        "podman",
        "install podman (apt install podman, dnf install podman)",
        "let this user run containers with it (podman run hello-world)",
        _podman,
    ),
    "docker": EngineKind(
        "docker",
        "install Docker, and let this user use it (docker run hello-world)",
        "start its daemon, and let this user use it (docker run hello-world)",
        _docker,
    ),
    "apptainer": EngineKind(
        "apptainer",
        "install Apptainer, or load its module",
        "let this user run containers with it (apptainer run docker://hello-world)",
        _apptainer,
    ),
    "singularity": EngineKind(
        "singularity",
        "install Apptainer, which took its place",
        "let this user run containers with it (singularity run docker://hello-world)",
        _apptainer,
    ),
    "charliecloud": EngineKind(
        "ch-run",
        "install Charliecloud (apt install charliecloud)",
        "let this user make user namespaces (unshare --user --map-root-user true)",
        _charliecloud,
    ),
    "udocker": EngineKind(
        "udocker",
        "install udocker (pip install udocker, udocker install)",
        "let it fetch what it runs with (udocker install)",
        _udocker,
    ),
}
NAMES = (HOST, *KINDS)


def probe(name: str, folder: Path, path: str | None = None) -> Engine:
    """Start an engine once and return it.

    Args:
        name: one of `NAMES`.
        folder: where it may keep images.
        path: where to look for its program, PATH when it is not given.

    Raises:
        EngineMissingError: its program is not here.
        EngineError: it does not work.
    """
    if name == HOST:
        return HostEngine()
    kind = KINDS[name]
    program = shutil.which(kind.program, path=path)
    if program is None:
        raise EngineMissingError(name, f"there is no program {kind.program}", kind.install)
    # Imported here as in the probes: a cluster without containers has no use for these.
    from oscarcli.local.images.model import ImageError
    from oscarcli.local.jobs.engine.client import ClientError

    try:
        return kind.probe(program, folder, PROBE_SECONDS)
    except (ClientError, ImageError, NotImplementedError, OSError) as error:
        raise EngineError(name, f"it starts nothing: {error}", kind.repair) from error


def first_that_works(folder: Path) -> Engine:
    """Return the first engine that works, the host when none does."""
    for name in KINDS:
        try:
            return probe(name, folder)
        except EngineError as error:
            log.info("%s", error)
    return HostEngine()


class Engines:
    """The engines of a cluster: one for all services, and those that services name.

    Args:
        name: one of `NAMES`, or `auto`.
        folder: where engines may keep images.

    Raises:
        EngineError: the engine cannot be used.
        ValueError: there is none of that name.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        if name not in (AUTO, *NAMES):
            raise ValueError(f'there is no engine "{name}"; {AUTO}, {", ".join(NAMES)} are known')
        self.default = first_that_works(folder) if name == AUTO else probe(name, folder)
        self._known = {self.default.name: self.default}

    def named(self, name: str) -> Engine:
        """Return an engine by its name. Raises EngineError when it cannot be used."""
        if name not in NAMES:
            raise EngineError(name, "there is none of that name", f"{', '.join(NAMES)} are known")
        with self._lock:
            if name not in self._known:
                self._known[name] = probe(name, self._folder)
            return self._known[name]

    def of(self, definition: Mapping[str, Any]) -> Engine:
        """Return the engine that runs a service. Raises EngineError."""
        return self.default if self.is_default_for(definition) else self.named(_engine_name(definition))

    def is_default_for(self, definition: Mapping[str, Any]) -> bool:
        """Tell whether a service is run by the engine that is known to work; others may have to be tried."""
        return _engine_name(definition) in ("", self.default.name)


def _engine_name(definition: Mapping[str, Any]) -> str:
    """Return the engine that a service names, empty for none."""
    return str((definition.get("annotations") or {}).get(ANNOTATION) or "")
