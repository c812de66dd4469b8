"""What a service must have to be run on a batch of inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oscarcli.errors import OscarError
from oscarcli.jobs.outputs import OutputFolders
from oscarcli.jobs.supervisor_log import is_silent
from oscarcli.storage.provider import DEFAULT_PROVIDER, default_input_path


def require_batch_service(document: Mapping[str, Any], service: str) -> None:
    """Raise unless jobs can be started by uploads, and they and their results be told apart.

    Args:
        document: the service's definition.
        service: its name.

    Raises:
        UsageError: it has no input in the cluster's own store.
        OscarError: its logs do not tell which input a job had, or what it stored.
    """
    default_input_path(document, DEFAULT_PROVIDER)
    if is_silent(document):
        raise OscarError(
            f'the jobs of service "{service}" cannot be told apart: its log level hides what started them',
            hint='services with "log_level: INFO" write it into their logs',
        )
    outputs = OutputFolders(document)
    if outputs.unnamed and outputs.unnamed == outputs.folders:
        raise OscarError(
            f'the results of service "{service}" cannot be told apart: no log names the files that a job '
            f"stores at {outputs.unnamed[0][0]}",
            hint="add an output at minio.default, and the results are brought from there",
        )
