"""One run of a service: read the payload, fetch the input, run the script, upload the results.

It keeps to what faas-supervisor does inside a real job's container (`job-runtime` 1), in its order and with
its log lines. What it cannot do is told by `JobOutcome.reason`.
"""

from __future__ import annotations

import base64
import logging
import os
import platform
import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from oscarcli.local.jobs.classify import Payload, Raw, SupervisorCrash, classify_run, crashing
from oscarcli.local.jobs.container_files import SCRIPT, TEMPORARY, container_for, write_config
from oscarcli.local.jobs.engine.base import MemoryExceededError, RunCancellation, ScriptCommand
from oscarcli.local.jobs.environment import machine_variables, service_variables
from oscarcli.local.jobs.input import Input, environment_bytes
from oscarcli.local.jobs.log import JobLog
from oscarcli.local.jobs.payloads import RunPayload
from oscarcli.local.jobs.placement import Placement
from oscarcli.local.jobs.reported import ReportedError
from oscarcli.local.jobs.staging import (
    Destinations,
    RunStorage,
    Workspace,
    overwriting,
    returned_value,
    upload_results,
)
from oscarcli.local.jobs.table import JobOutcome
from oscarcli.local.services.definition import Definition

# What a shell makes of SIGKILL.
KILLED = 137
MARKER = "TMP_OUTPUT_DIR"

# The first line of it; the frames between this and the last line are of the supervisor's own making.
TRACEBACK = "Traceback (most recent call last):"
# What the echo of a shell may make something else of: escapes, and blanks in a row. Its first byte is one of
# a set, because that is searched for in the shortest time.
CHANGED_BY_ECHO = re.compile(rb"[\\\s](?:(?<=\\)[abcfnrtv0\\]|(?<=\s)\s)")


@dataclass(frozen=True)
class Run:
    """What is to run.

    Args:
        name: the job's name, or an identifier of a synchronous run.
        definition: the service.
        payload: what it was sent.
        asynchronous: whether it is a job; only jobs know their name and their event.
        headers: `Http_*` variables of a synchronous run.
    """

    name: str
    definition: Definition
    payload: RunPayload
    asynchronous: bool
    headers: Mapping[str, str] = field(default_factory=dict)


def supervise(
    run: Run,
    workspace: Workspace,
    storage: RunStorage | None,
    placement: Placement,
    log: JobLog,
    cancellation: RunCancellation,
) -> JobOutcome:
    """Carry out a run.

    Args:
        run: what is to run.
        workspace: the folders to work in, which the caller removes.
        storage: the cluster's objects; `None` for a run without credentials: it fetches and stores nothing.
        placement: what executes the script, and in which image.
        log: gets everything that belongs into the job's log.
        cancellation: stops the run.

    Raises:
        RunCancelled: the run was told to stop.
    """
    supervision = _Supervision(run, workspace, storage, placement, log, cancellation)
    try:
        return supervision.complete()
    except SupervisorCrash as crash:
        reason, last_line = str(crash), crash.last_line
    except MemoryExceededError as error:
        # The container is gone with all that was in it, and the supervisor with it.
        log.end_of_script()
        log.last("ERROR", str(error))
        return JobOutcome(False, str(error), KILLED)
    except OSError as error:
        reason = f"the run could not be carried out: {error}"
        last_line = "".join(traceback.format_exception_only(error)).strip()
    except _StageFailure as failure:
        log.supervisor("ERROR", str(failure.cause))
        for line in failure.cause.lines(failure.stage):
            log.plain(line)
        reason, last_line = f"{failure.what}: {failure.cause}", ""
    if last_line:
        log.plain(TRACEBACK)
        log.plain(last_line)
        for line in supervision.destinations.printed:
            log.plain(line)
        log.note("ERROR", reason)
    if log.has_output:
        log.last("WARNING", "on a real cluster, what a script printed is lost with a job that fails after it")
    return JobOutcome(False, reason, supervision.exit_code)


def new_workspace(root: Path, placement: Placement) -> Workspace:
    """Make the folders for a run below `root`, which must not exist. Raises OSError."""
    return Workspace.create(root, TEMPORARY if placement.image else None)


class _StageFailure(Exception):  # noqa: N818
    def __init__(self, stage: str, what: str, cause: ReportedError) -> None:
        super().__init__(str(cause))
        self.stage = stage
        self.what = what
        self.cause = cause


@contextmanager
def _stage(name: str, what: str) -> Iterator[None]:
    try:
        yield
    except ReportedError as error:
        raise _StageFailure(name, what, error) from error


class _Supervision:
    def __init__(
        self,
        run: Run,
        workspace: Workspace,
        storage: RunStorage | None,
        placement: Placement,
        log: JobLog,
        cancellation: RunCancellation,
    ) -> None:
        self._run = run
        self._definition = run.definition
        self._workspace = workspace
        self._storage = storage
        self.destinations = Destinations(storage, run.definition["storage_providers"])
        self._placement = placement
        self._log = log
        self._cancellation = cancellation
        self.exit_code: int | None = None

    def complete(self) -> JobOutcome:
        # Also while the script runs, if that takes but a moment.
        self._log.hold()
        self._check_level()
        payload = self._read_payload()
        stage = Input(
            self._run.payload,
            self._definition,
            self._workspace,
            self._storage,
            self._log,
            self._cancellation,
        )
        with _stage("_parse_config", "a storage provider is not complete"):
            stage.read_providers()
        self._log.info("SUPERVISOR: Initializing Binary supervisor")
        self._cancellation.check()
        with _stage("_parse_input", "the input could not be fetched"):
            variables = stage.stage(payload)
        self._cancellation.check()
        self.exit_code = self._run_script(variables)
        self._cancellation.check()
        self._log.hold()
        with _stage("_parse_output", "a result could not be stored"):
            self._stage_out()
        self._log.info("Creating response")
        for line in self.destinations.printed:
            self._log.plain(line)
        self._log.end_of_output()
        if isinstance(payload, Raw):
            self._log.flush()
            with self._cancellation.turn.interrupted():
                answer = returned_value(self._workspace)
                if answer is not None:
                    self._log.answer(answer)
        return JobOutcome(True, None, self.exit_code)

    def _check_level(self) -> None:
        level = log_level(self._definition)
        if not isinstance(logging.getLevelName(level), int):
            # Names are in capitals; the manager sees to that in a definition, nobody does in a variable.
            line = f"ValueError: Unknown level: 'Level {level}'"
            raise SupervisorCrash(f'the variable LOG_LEVEL has the value "{level}", which is no level', line)

    # -- payload ---------------------------------------------------------------------------------

    def _read_payload(self) -> Payload:
        self._log_raw_event()
        if self._run.asynchronous and CHANGED_BY_ECHO.search(self._run.payload.read().strip()):
            self._log.note(
                "WARNING",
                "a real cluster hands a job's payload on through the echo of the image's shell, which may "
                "make something else of its backslashes and of blanks in a row",
            )
        return classify_run(self._run.payload, self._log.supervisor, self._definition["input"])

    def _log_raw_event(self) -> None:
        if self._run.payload.size <= 1 << 20:
            text = self._run.payload.read().decode("utf-8", "surrogateescape")
            # A job's payload comes through the shell's echo, which ends it with a line feed.
            self._log.supervisor("DEBUG", f"EVENT received: {text}" + "\n" * self._run.asynchronous)

    # -- script ----------------------------------------------------------------------------------

    def _run_script(self, variables: Mapping[str, bytes]) -> int:
        environment = {**self._environment(), **variables}
        script = self._script(environment)
        self._log.supervisor("DEBUG", "CONTAINER OUTPUT:\n ")
        image, definition, binds = self._placement.image, self._definition, self._placement.binds
        container = None
        if image is not None:
            container = container_for(self._run.name, definition, image, binds, self._workspace)
        marker = (MARKER, environment[MARKER])
        command = ScriptCommand(script, self._workspace.scratch, environment, marker, container)
        try:
            code = self._placement.engine.run(command, self._log.script, self._cancellation)
        except (OSError, ValueError) as error:
            line = "".join(traceback.format_exception_only(error)).strip()
            raise SupervisorCrash(f"the script cannot be started: {error}", line) from error
        self._log.end_of_script()
        return code

    def _environment(self) -> dict[str, bytes]:
        """Return the variables that do not depend on the input, weakest first (`job-runtime` 1.2)."""
        variables = {
            **self._machine_variables(),
            **service_variables(self._definition),
            **self._run.headers,
        }
        encoded = {name: environment_bytes(value) for name, value in variables.items()}
        if self._run.asynchronous:
            encoded["EVENT"] = self._run.payload.read()
            encoded["JOB_UUID"] = environment_bytes(self._run.name)
            encoded["RESOURCE_ID"] = environment_bytes(platform.node())
        encoded["TMP_INPUT_DIR"] = os.fsencode(self._workspace.shown(self._workspace.input))
        encoded[MARKER] = os.fsencode(self._workspace.shown(self._workspace.output))
        return encoded

    def _machine_variables(self) -> dict[str, str]:
        """Return what a script needs of this machine; an image has variables of its own."""
        if self._placement.image is not None:
            return {}
        return machine_variables(self._workspace.scratch, self._workspace.temporary)

    def _script(self, environment: Mapping[str, bytes]) -> str:
        """Write the script where it runs from; a variable SCRIPT, in base64, takes its place."""
        if self._placement.image is not None:
            write_config(self._definition, self._workspace.config)
        if "SCRIPT" not in environment and self._placement.image is not None:
            self._log.info(f"Script file found in '{SCRIPT}'")
            return SCRIPT
        if "SCRIPT" not in environment:
            path = self._workspace.script
            with overwriting(path) as file:
                file.write(self._definition["script"].encode())
            self._log.info(f"Script file found in '{path}'")
            return path
        target = self._workspace.input / "script.sh"
        with crashing("the variable SCRIPT is not a text in base64"):
            target.write_text(base64.b64decode(environment["SCRIPT"]).decode(), newline="")
        shown = self._workspace.shown(target)
        self._log.info(f"Script file created in '{shown}'")
        return shown

    # -- output ----------------------------------------------------------------------------------

    def _stage_out(self) -> None:
        outputs = self._definition["output"]
        upload_results(outputs, self._workspace, self.destinations, self._log, self._cancellation)


def log_level(definition: Definition) -> str:
    """Return the level of a run's log: a variable LOG_LEVEL overrides the definition's."""
    own = definition["environment"]
    for source in (own["variables"], own["secrets"]):
        if source.get("LOG_LEVEL"):
            return str(source["LOG_LEVEL"])
    return str(definition["log_level"])
