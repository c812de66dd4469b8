"""Runs scripts in containers by podman or docker, whose command lines are nearly the same."""

from __future__ import annotations

import logging
import os
import re
import time
import uuid
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from oscarcli.local.jobs.engine import probe_image
from oscarcli.local.jobs.engine.base import Container, RunCancellation, ScriptCommand, StartMode
from oscarcli.local.jobs.engine.client import ClientError, EngineProgram
from oscarcli.local.jobs.engine.container import (
    SHELL,
    bind_words,
    container_of,
    foreign_files,
    has_gpu,
    program_environment,
    record,
    run_client,
    shell_arguments,
)
from oscarcli.local.jobs.engine.oci_dialect import DOCKER, Dialect
from oscarcli.local.jobs.engine.oci_images import OciImages
from oscarcli.local.options import LOOPBACK

log = logging.getLogger(__name__)

PROBE_IMAGE = "localhost/oscar-cli-probe"
# Variables by which the programs themselves are told what to do; a job's of these names go as arguments.
_OF_PROGRAMS = re.compile(
    r"(?:BUILDAH|CONTAINER|CONTAINERS|DOCKER|DBUS|GO|LD|LISTEN|NOTIFY|PODMAN|REGISTRY|SSL|STORAGE|XDG)_?.*"
    r"|PATH|HOME|TMPDIR|.*_PROXY|_.*",
    re.I,
)
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class OciEngine:
    """Runs scripts by podman or docker.

    Args:
        dialect: which of them.
        client: the program.
        version: its version.
        limited: whether it keeps limits of memory and cpu.
    """

    def __init__(
        self, dialect: Dialect, client: EngineProgram, version: str = "", *, limited: bool = True
    ) -> None:
        self.name = dialect.name
        self.version = version
        self.images = OciImages(dialect, client)
        self._dialect = dialect
        self._client = client
        self._limited = limited

    @property
    def passes_gpus(self) -> bool:
        """Whether there are GPUs to hand out."""
        return has_gpu()

    @cached_property
    def has_own_network(self) -> bool:
        """Whether ports of a container have to be published: not where its settings share this machine's."""
        name = f"oscar-cli-network-{uuid.uuid4().hex}"
        asked = ("--format={{.HostConfig.NetworkMode}}", name)
        try:
            self._client.ask(
                "create", "--pull=never", f"--name={name}", PROBE_IMAGE, f"/{probe_image.PROGRAM}"
            )
            return self._client.ask("container", "inspect", *asked).strip() != "host"
        except ClientError as error:
            log.warning("the network of %s is not known, it may be this machine's: %s", self.name, error)
            return True
        finally:
            self.remove(name)

    def run(
        self, command: ScriptCommand, output: Callable[[bytes], None], cancellation: RunCancellation
    ) -> int:
        """Run a script to its end; see `Engine.run`."""
        cancellation.check()
        container = container_of(command)
        options, environment = self._variables(command.environment)
        words = [*self._client.words, "run", *self._options(container), *options]
        if command.mode is StartMode.IMAGE:
            words.append(container.image)
        else:
            words += [f"--entrypoint={SHELL}", container.image]
            words += shell_arguments(command, limited=self._limited)
        record(self.name, container.name, container.folder)
        ended = False
        try:
            code = run_client(words, environment, command, output, cancellation)
            ended = True
        finally:
            if not ended:
                self.remove(container.name)
            self._take_over(container)
        return code

    def _options(self, container: Container) -> list[str]:
        options = ["--rm", "--pull=never", "--log-driver=none"]
        options += [f"--name={container.name}", f"--hostname={container.host_name}", *self._dialect.run]
        options += [f"--volume={bind_words(bind, ':ro')}" for bind in container.binds]
        if self._limited:
            options += [f"--memory={container.memory}", f"--cpus={container.cpu:g}"]
        if container.published is not None:
            options.append("--publish={}:{}:{}".format(LOOPBACK, *container.published))
        return options + (list(self._dialect.gpus) if container.gpu else [])

    def _variables(self, variables: Mapping[str, bytes]) -> tuple[list[str], dict[str, bytes]]:
        """Return options for a container's variables, and the program's environment.

        Everybody on this machine can read arguments, so values go by the program's own environment wherever
        that does not lead it astray.
        """
        environment = program_environment(self._client)
        options = []
        for name, value in variables.items():
            is_safe = _PLAIN_NAME.fullmatch(name) and not _OF_PROGRAMS.fullmatch(name)
            if is_safe and name not in environment:
                environment[name] = value
                options.append(f"--env={name}")
            else:
                options.append(f"--env={name}={os.fsdecode(value)}")
        return options, environment

    def _take_over(self, container: Container) -> None:
        """Make this user the owner of what a container's user has written."""
        for bind in container.binds:
            is_ours = not bind.read_only and not bind.keeps_owners
            if is_ours and os.geteuid() and foreign_files(bind.source):
                self._change_owner(bind.source, container.image)

    def _change_owner(self, folder: Path, image: str) -> None:
        owner = f"{os.geteuid()}:{os.getegid()}"
        words = ["unshare", "chown", "-R", "0:0", str(folder)]
        if self._dialect is DOCKER:
            words = ["run", "--rm", "--user=0", f"--volume={folder}:/folder", "--entrypoint=chown"]
            words += [image, "-R", owner, "/folder"]
        try:
            self._client.ask(*words)
        except ClientError as error:
            log.warning("what a container wrote to %s stays another user's: %s", folder, error)

    def differences(self, image: str) -> str:
        """Return one sentence: how a run differs from one on a real cluster; empty when it does not."""
        if self._limited:
            return ""
        return f"{self.name} can keep no limits of memory and cpu on this machine"

    def remove(self, container: str) -> None:
        """Remove a container and what runs in it, if it is there."""
        try:
            self._client.ask(*self._dialect.remove, container)
        except ClientError as error:
            if "no such container" not in str(error).lower():
                log.warning("the container %s cannot be removed: %s", container, error)


def probe(dialect: Dialect, client: EngineProgram, seconds: float) -> OciEngine:
    """Start a container once and return the engine that can.

    Args:
        dialect: podman or docker.
        client: its program.
        seconds: how long all of it may take.

    Raises:
        ClientError: it does not work, or not in time.
        NotImplementedError: nothing can be started here to find out.
    """
    deadline = time.monotonic() + seconds

    def ask(*words: str, data: bytes | None = None) -> str:
        return client.ask(*words, timeout=max(deadline - time.monotonic(), 0.1), data=data)

    version = ask("--version").strip().rpartition("version ")[2].partition(",")[0]
    try:
        ask("image", "inspect", PROBE_IMAGE)
    except ClientError:
        ask("import", "-", PROBE_IMAGE, data=probe_image.archive())
    name = f"oscar-cli-probe-{uuid.uuid4().hex}"
    run = ("run", "--rm", "--pull=never", f"--name={name}", *dialect.run, "--log-driver=none")
    start = (PROBE_IMAGE, f"/{probe_image.PROGRAM}")
    limited = OciEngine(dialect, client, version, limited=True)
    unlimited = OciEngine(dialect, client, version, limited=False)
    try:
        ask(*run, "--memory=64m", "--cpus=1", *start)
    except ClientError:
        limited.remove(name)
        try:
            # Without a control group of one's own there are no limits, but everything else.
            ask(*run, *start)
        except ClientError:
            unlimited.remove(name)
            raise
        return unlimited
    return limited
