"""One run of a service: read the payload, fetch the input, run the script, upload the results.

It keeps to what faas-supervisor does inside a real job's container (`job-runtime` 1), in its order and with
its log lines. What it cannot do is told by `Outcome.reason`.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import platform
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from oscarcli.local.jobs.classify import Crash, Payload, Raw, StoredObject, classify_file, decode_base64
from oscarcli.local.jobs.engine.base import Cancellation, Command, Engine
from oscarcli.local.jobs.log import JobLog
from oscarcli.local.jobs.staging import StageError, Storage, Workspace, returned_value, upload_results
from oscarcli.local.jobs.table import Outcome
from oscarcli.local.services.definition import MINIO_DEFAULT, Definition

MARKER = "TMP_OUTPUT_DIR"
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# What the classic watchdog is configured with; scripts see it in both kinds of run.
WATCHDOG = {
    "fprocess": "/oscar/bin/supervisor",
    "max_inflight": "1",
    "write_debug": "true",
    "exec_timeout": "0",
    "read_timeout": "300",
    "write_timeout": "300",
    "healthcheck_interval": "5",
}


@dataclass(frozen=True)
class Run:
    """What is to run.

    Args:
        name: the job's name, or an identifier of a synchronous run.
        definition: the service.
        payload: the file with the payload.
        asynchronous: whether it is a job; only jobs know their name and their event.
        headers: `Http_*` variables of a synchronous run.
    """

    name: str
    definition: Definition
    payload: Path
    asynchronous: bool
    headers: Mapping[str, str] = field(default_factory=dict)


def supervise(
    run: Run, root: Path, storage: Storage | None, engine: Engine, log: JobLog, cancellation: Cancellation
) -> Outcome:
    """Carry out a run.

    Args:
        run: what is to run.
        root: the folder to work in, made here; the caller removes it.
        storage: the cluster's objects; `None` for a run without credentials: it fetches and stores nothing.
        engine: executes the script.
        log: gets everything that belongs into the job's log.
        cancellation: stops the run.

    Raises:
        Cancelled: the run was told to stop.
    """
    supervision = _Supervision(run, root, storage, engine, log, cancellation)
    try:
        return supervision.complete()
    except Crash as crash:
        log.plain(f"There was an exception: {crash}")
        return Outcome(False, str(crash), supervision.exit_code)
    except _StageFailure as failure:
        log.plain(f"There was an exception in {failure.stage}")
        log.plain(str(failure))
        return Outcome(False, f"{failure.what}: {failure}", supervision.exit_code)
    except OSError as error:
        log.plain(f"There was an exception: {error}")
        return Outcome(False, f"the run could not be carried out: {error}", supervision.exit_code)


class _StageFailure(Exception):  # noqa: N818
    def __init__(self, stage: str, what: str, cause: Exception) -> None:
        super().__init__(str(cause))
        self.stage = stage
        self.what = what


class _Supervision:
    def __init__(
        self,
        run: Run,
        root: Path,
        storage: Storage | None,
        engine: Engine,
        log: JobLog,
        cancellation: Cancellation,
    ) -> None:
        self._run = run
        self._definition = run.definition
        self._workspace = Workspace.create(root)
        self._storage = storage
        self._engine = engine
        self._log = log
        self._cancellation = cancellation
        self.exit_code: int | None = None

    def complete(self) -> Outcome:
        payload = self._read_payload()
        self._cancellation.check()
        variables = self._stage_in(payload)
        self._cancellation.check()
        self.exit_code = self._run_script(variables)
        self._cancellation.check()
        self._stage_out()
        self._log.info("Creating response")
        answer = returned_value(self._workspace) if isinstance(payload, Raw) else None
        if answer is not None:
            self._log.answer(answer)
        return Outcome(True, None, self.exit_code)

    # -- payload ---------------------------------------------------------------------------------

    def _read_payload(self) -> Payload:
        self._log_raw_event()
        payload = classify_file(self._run.payload)
        if isinstance(payload, StoredObject):
            self._log.info("Storage event found.")
            self._log.info(f"event_records = {json.dumps(payload.event['Records'])}")
            self._log.info(f"{payload.provider[0].upper()} event created")
        else:
            self._log.info("UNKNOWN event created")
        self._log.info("Reading storage configuration")
        if self._storage is not None:
            self._log.info(f"Using MinIO credentials for user: '{self._storage.user}'")
        self._log.info("SUPERVISOR: Initializing Binary supervisor")
        return payload

    def _log_raw_event(self) -> None:
        if self._run.payload.stat().st_size <= 1 << 20:
            text = self._run.payload.read_bytes().decode("utf-8", "replace")
            self._log.supervisor("DEBUG", f"EVENT: {text}")

    # -- input -----------------------------------------------------------------------------------

    def _stage_in(self, payload: Payload) -> dict[str, bytes]:
        variables = self._variables_of(payload)
        if self._definition["file_stage_in"]:
            return variables
        try:
            path = self._input_file(payload)
        except (StageError, OSError, ValueError) as error:
            raise _StageFailure("_parse_input", "the input could not be fetched", error) from error
        self._log.info(f"INPUT_FILE_PATH variable set to '{path}'")
        return {**variables, "INPUT_FILE_PATH": os.fsencode(path)}

    def _variables_of(self, payload: Payload) -> dict[str, bytes]:
        if isinstance(payload, StoredObject):
            return {
                "STORAGE_OBJECT_KEY": _bytes(payload.key),
                "EVENT_TIME": _bytes(payload.time),
                "EVENT": json.dumps(payload.event).encode(),
            }
        return {name: _bytes(value) for name, value in payload.variables.items()}

    def _input_file(self, payload: Payload) -> Path:
        if isinstance(payload, Raw):
            return self._unpack(payload)
        if self._storage is None or payload.provider != MINIO_DEFAULT:
            # Without credentials the supervisor hands over the event itself, and that is no error.
            return self._unpack(Raw(json.dumps(payload.event).encode()))
        return self._fetch(payload, self._storage)

    def _fetch(self, event: StoredObject, storage: Storage) -> Path:
        target = self._workspace.input / os.path.basename(event.key)  # noqa: PTH119 -- "a/" has no name
        self._log.info("Found 'MINIO' input provider")
        self._log.info(f"Downloading item from bucket '{event.bucket}' with key '{event.key}'")
        storage.download(event.bucket, event.key, target)
        self._log.info(
            f"Successful download of file '{event.key}' from bucket '{event.bucket}' in path '{target}'"
        )
        return target

    def _unpack(self, payload: Raw) -> Path:
        target = self._workspace.input / f"event-file-{uuid.uuid4()}"
        if payload.content is not None:
            target.write_bytes(payload.content)
            return target
        with self._run.payload.open("rb") as source, target.open("wb") as file:
            decode_base64(source, file)
        return target

    # -- script ----------------------------------------------------------------------------------

    def _run_script(self, variables: Mapping[str, bytes]) -> int:
        environment = {**self._environment(), **variables}
        script = self._script(environment)
        self._log.info(f"Script file found in '{script}'")
        command = Command(
            script,
            self._workspace.scratch,
            environment,
            marker=(MARKER, environment[MARKER]),
        )
        try:
            code = self._engine.run(command, self._log.script, self._cancellation)
        except (OSError, ValueError) as error:
            raise Crash(f"the script cannot be started: {error}") from error
        self._log.end_of_script()
        return code

    def _environment(self) -> dict[str, bytes]:
        """Return the variables that do not depend on the input, weakest first (`job-runtime` 1.2)."""
        definition, own = self._definition, self._definition["environment"]
        variables = {
            "PATH": os.environ.get("PATH", DEFAULT_PATH),
            "HOME": os.environ.get("HOME", str(self._workspace.scratch)),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "TMPDIR": str(self._workspace.temporary),
            **own["secrets"],
            **own["variables"],
            "OSCAR_SERVICE_NAME": definition["name"],
            "OSCAR_SERVICE_TOKEN": definition["token"],
            "OSCAR_SERVICE_BASE_PATH": "",
            **WATCHDOG,
            **self._run.headers,
        }
        encoded = {name: _bytes(value) for name, value in variables.items()}
        if self._run.asynchronous:
            encoded["EVENT"] = self._run.payload.read_bytes()
            encoded["JOB_UUID"] = _bytes(self._run.name)
            encoded["RESOURCE_ID"] = _bytes(platform.node())
        encoded["TMP_INPUT_DIR"] = os.fsencode(self._workspace.input)
        encoded[MARKER] = os.fsencode(self._workspace.output)
        return encoded

    def _script(self, environment: Mapping[str, bytes]) -> Path:
        """Write the script where it runs from; a variable SCRIPT, in base64, takes its place."""
        content = self._definition["script"].encode()
        target = self._workspace.root / "script.sh"
        if environment.get("SCRIPT"):
            try:
                content = base64.b64decode(environment["SCRIPT"])
            except binascii.Error as error:
                raise Crash(f"the variable SCRIPT is not base64: {error}") from error
            target = self._workspace.input / "script.sh"
        target.write_bytes(content)
        return target

    # -- output ----------------------------------------------------------------------------------

    def _stage_out(self) -> None:
        try:
            upload_results(
                self._definition["output"],
                self._workspace.output,
                self._storage,
                self._log,
                self._cancellation.check,
            )
        except (StageError, OSError) as error:
            raise _StageFailure("_parse_output", "a result could not be stored", error) from error


def log_level(definition: Definition) -> str:
    """Return the level of a run's log: a variable LOG_LEVEL overrides the definition's."""
    own = definition["environment"]
    for source in (own["variables"], own["secrets"]):
        if "LOG_LEVEL" in source:
            return str(source["LOG_LEVEL"]).upper()
    return str(definition["log_level"])


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")
