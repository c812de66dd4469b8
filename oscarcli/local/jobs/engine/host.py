"""Runs scripts as plain processes of this machine, each in a session of its own."""

from __future__ import annotations

from collections.abc import Callable

from oscarcli.local.jobs.engine.base import RunCancellation, ScriptCommand, StartMode
from oscarcli.local.jobs.engine.container import EXECUTE, SHELL
from oscarcli.local.jobs.engine.execution import Program, execute


class HostEngine:
    """Runs scripts with `/bin/sh` and the rights of the user who started the cluster."""

    name = "host"
    version = ""
    images = None
    passes_gpus = False
    has_own_network = False

    def run(
        self, command: ScriptCommand, output: Callable[[bytes], None], cancellation: RunCancellation
    ) -> int:
        """Run a script to its end; see `Engine.run`."""
        options = ("-c", EXECUTE) if command.mode is StartMode.EXECUTED else ()
        words = (SHELL, *options, command.script)
        program = Program(words, command.folder, command.environment, command.marker)
        return execute(program, output, cancellation)

    def differences(self, image: str) -> str:
        """Return one sentence: how a run differs from one on a real cluster."""
        return (
            f"the local cluster runs the script on this machine with your rights; the image {image} "
            "and the limits of memory and cpu are not used"
        )

    def remove(self, container: str) -> None:
        """Do nothing: there are no containers."""
