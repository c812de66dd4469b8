"""The input of a run: the object that an event names, or the payload itself, as a file for the script."""

from __future__ import annotations

import errno
import json
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from oscarcli.local.jobs.classify import (
    MINIO,
    ONEDATA,
    S3,
    DCacheFile,
    EventObject,
    Payload,
    Raw,
    SupervisorCrash,
    crashing,
    decode_base64,
)
from oscarcli.local.jobs.engine.base import RunCancellation
from oscarcli.local.jobs.log import JobLog
from oscarcli.local.jobs.payloads import RunPayload
from oscarcli.local.jobs.reported import ReportedError
from oscarcli.local.jobs.staging import RunStorage, Workspace
from oscarcli.local.services.definition import Definition

# What each kind of provider has to have; the supervisor looks into all of them, used or not.
CREDENTIALS = {
    "s3": ("access_key", "secret_key"),
    "minio": ("access_key", "secret_key"),
    "onedata": ("oneprovider_host", "token", "space"),
    "webdav": ("hostname", "login", "password"),
}

Download = Callable[[str, str, BinaryIO, Callable[[], None]], None]
"""Writes the object with a bucket and a key to a file; the last one is called before what may take its time.

Raises StageError, SupervisorCrash, OSError.
"""


class CredentialsError(ReportedError):
    """A storage provider lacks what it has to have, or none goes with the event; `kind` is its type."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"The storage authentication of '{kind}' is not well-defined.")


class Input:
    """Stages the input of one run.

    Args:
        payload: what the run was sent.
        definition: the service.
        workspace: the run's folders.
        storage: the cluster's objects; `None` for a run without credentials.
        log: gets the supervisor's lines.
        cancellation: has the turn of the run's thread.
    """

    def __init__(
        self,
        payload: RunPayload,
        definition: Definition,
        workspace: Workspace,
        storage: RunStorage | None,
        log: JobLog,
        cancellation: RunCancellation,
    ) -> None:
        self._payload, self._definition, self._workspace = payload, definition, workspace
        self._storage, self._log, self._cancellation = storage, log, cancellation

    def read_providers(self) -> None:
        """Look into the definition's storage providers. Raises CredentialsError."""
        self._log.info("Reading storage configuration")
        providers = self._definition["storage_providers"]
        if self._storage is None and not any(providers.values()):
            self._log.supervisor("WARNING", "There is no storage provider defined for this function.")
        for kind, keys in CREDENTIALS.items():
            for provider in (providers.get(kind) or {}).values():
                if not all(provider.get(key) for key in keys):
                    raise CredentialsError(kind.upper())

    def stage(self, payload: Payload) -> dict[str, bytes]:
        """Fetch or write the input file and return the script's variables about it.

        Raises:
            StageError: the object cannot be had.
            CredentialsError: no storage provider goes with the event.
            SupervisorCrash: the real supervisor ends here.
            OSError: the file cannot be written.
        """
        variables = self._variables_of(payload)
        if self._definition["file_stage_in"]:
            self._log.info("Skipping download of input file.")
            return variables
        path = self._input_file(payload)
        if not os.path.isfile(path):  # noqa: PTH113
            # A folder behind WebDAV.
            return variables
        shown = self._workspace.shown(path)
        self._log.info(f"INPUT_FILE_PATH variable set to '{shown}'")
        return {**variables, "INPUT_FILE_PATH": os.fsencode(shown)}

    def _variables_of(self, payload: Payload) -> dict[str, bytes]:
        variables = dict(payload.variables)
        if isinstance(payload, EventObject):
            variables |= {"STORAGE_OBJECT_KEY": payload.key, "EVENT_TIME": payload.time}
            variables["EVENT"] = json.dumps(payload.event)
        # What is empty is not set.
        return {name: environment_bytes(value) for name, value in variables.items() if value}

    def _input_file(self, payload: Payload) -> str:
        if isinstance(payload, DCacheFile):
            return self._dcache_file(payload)
        if isinstance(payload, EventObject):
            if payload.kind == ONEDATA:
                raise CredentialsError(ONEDATA)
            with crashing("the storage provider of the event has no name"):
                hash(payload.provider)
            download = self._download_of(payload)
            if download is not None:
                return self._fetch(payload, download)
        return self._unpack(payload if isinstance(payload, Raw) else Raw(payload.event))

    def _dcache_file(self, file: DCacheFile) -> str:
        settings = self._definition["storage_providers"].get("webdav", {}).get("dcache")
        if settings is None:
            return self._unpack(Raw(file.event))
        self._log.info("Found 'WEBDAV' input provider")
        target = os.path.join(self._workspace.input, file.name)  # noqa: PTH118
        own = str(self._workspace.input)
        if os.path.commonpath([own, os.path.normpath(target)]) != own:
            words = "the local cluster fetches no file to a place outside TMP_INPUT_DIR"
            raise PermissionError(errno.EACCES, words, file.name)
        from oscarcli.local.jobs.providers.webdav_client import WebDavClient

        self._before_long()
        WebDavClient(settings, "the input could not be fetched", []).download(file.path, Path(target))
        return target

    def _download_of(self, event: EventObject) -> Download | None:
        """Return what fetches the object of an event; `None` without credentials for it."""
        if (event.kind, event.provider) == (MINIO, "default"):
            return None if self._storage is None else self._storage.download
        kind = event.kind.lower()
        settings = (self._definition["storage_providers"].get(kind) or {}).get(event.provider)
        if settings is not None:
            from oscarcli.local.jobs.providers.s3_storage import OtherStorage

            return OtherStorage(kind, settings, "the input could not be fetched").download
        return _without_credentials if (event.kind, event.provider) == (S3, "default") else None

    def _fetch(self, event: EventObject, download: Download) -> str:
        """Fetch the object of an event."""
        # The name of "a/" is empty; a path ends with "/" then.
        target = os.path.join(self._workspace.input, event.key.rpartition("/")[2])  # noqa: PTH118
        self._log.info(f"Found '{event.kind}' input provider")
        self._log.info(f"Downloading item from bucket '{event.bucket}' with key '{event.key}'")
        with self._workspace.new_input(target) as file:
            download(event.bucket, event.key, file, self._before_long)
        self._log.info(
            f"Successful download of file '{event.key}' from bucket '{event.bucket}' in path "
            f"'{self._workspace.shown(target)}'"
        )
        return target

    def _before_long(self) -> None:
        """Let readers have the log, and others the turn: what follows may take its time."""
        self._log.flush(hold=True)
        self._cancellation.turn.leave()

    def _unpack(self, payload: Raw) -> str:
        """Write the payload itself; without credentials also an event's, and that is no error."""
        self._log.info("Found 'LOCAL' input provider")
        target = self._workspace.input / f"event-file-{uuid.uuid4()}"
        if payload.body is not None:
            target.write_bytes(payload.content())
        else:
            with self._payload.open() as source, target.open("wb") as file:
                decode_base64(source, file)
        return str(target)


def _without_credentials(bucket: str, key: str, target: BinaryIO, before_long: Callable[[], None]) -> None:
    """Do as the supervisor does with an event of Amazon: it looks for keys on the machine that it runs on."""
    line = "botocore.exceptions.NoCredentialsError: Unable to locate credentials"
    raise SupervisorCrash("the definition has no s3.default, and the event is one of Amazon's", line)


def environment_bytes(value: str) -> bytes:
    """Return a text as it stands in the environment of a process."""
    return value.encode("utf-8", "surrogateescape")
