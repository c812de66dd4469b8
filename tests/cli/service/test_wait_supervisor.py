"""`--wait --output` with logs that the real faas-supervisor 1.5.8 wrote, word for word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Caller
from tests.support import s3_servers
from tests.support.server import Answer, Request, ScriptedServer, document, text

LOGS = Path(__file__).parents[2] / "support" / "supervisor_logs"
# As they stand in logs of several releases, and how a definition may spell them.
NAMES = [
    ("minio.default", "minio.default"),
    ("minio.default", "minio"),
    ("minio", "minio"),
    ("MINIO", "minio.default"),
    ("MINIO.DEFAULT", "minio.default"),
    ("minio.other", "minio.other"),
    ("MINIO.OTHER", "minio.other"),
    ("MINIO", "minio.other"),
    ("minio.Other", "MinIO.Other"),
]
RESULT = b"HELLO"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A store with what the jobs of the logs wrote."""
    with (
        s3_servers.local_server(tmp_path_factory.mktemp("store")) as running,
        s3_servers.empty_bucket(running, "svc") as client,
    ):
        client.put_object(Bucket="svc", Key="out/result.txt", Body=RESULT)
        yield running


@pytest.fixture
def cluster(call: Caller, server: ScriptedServer, store: Any) -> ScriptedServer:
    """A server whose next job is named svc-new; its default provider has the store."""
    call.know(server.url)
    server.always("GET", "/system/config", document({"minio_provider": credentials(store.endpoint)}))
    return server


def credentials(endpoint: str) -> dict[str, Any]:
    return s3_servers.minio_provider(endpoint) | {"region": "us-east-1"}


def play(
    server: ScriptedServer, store: Any, log: str, *, provider: str = "minio.default", other: str | None = None
) -> None:
    """Let the server have the service and its one new job.

    Args:
        server: the server.
        store: what the service's provider is.
        log: the job's.
        provider: the output's.
        other: the log of another job that shows first and goes on running.
    """
    identifier = provider.partition(".")[2] or "default"
    definition = {
        "name": "svc",
        "token": "f" * 64,
        "input": [{"storage_provider": "minio.default", "path": "svc/in"}],
        "output": [{"storage_provider": provider, "path": "svc/out"}],
        "storage_providers": {"minio": {identifier: credentials(store.endpoint)}},
    }
    appearing: list[dict[str, Any]] = [{"svc-old": {"status": "Succeeded"}}]
    if other is not None:
        appearing.append({"svc-raw": {"status": "Running"}})
        server.always("GET", "/system/logs/svc/svc-raw", text(other))
    appearing.append({"svc-new": {"status": "Succeeded", "start_time": "2026-06-12T09:00:00Z"}})
    looks: list[Request] = []

    def listed(request: Request) -> Answer:
        looks.append(request)
        # The first look is before the upload or the call.
        return document({name: job for jobs in appearing[: len(looks)] for name, job in jobs.items()})

    server.always("GET", "/system/services/svc", document(definition))
    server.always("GET", "/system/logs/svc", listed)
    server.always("GET", "/system/logs/svc/svc-new", text(log))


def log_of(name: str, provider: str = "minio.default") -> str:
    """Return a log of the real supervisor, with another spelling of the provider."""
    log = (LOGS / f"{name}.txt").read_text()
    assert log.count("Checking files for uploading to 'minio.default' on path: 'svc/out'") == 1
    return log.replace("uploading to 'minio.default'", f"uploading to '{provider}'")


@pytest.mark.parametrize(("said", "defined"), NAMES)
def test_an_uploads_result_comes_from_the_provider_that_the_log_names(
    call: Caller, cluster: ScriptedServer, store: Any, tmp_path: Path, said: str, defined: str
) -> None:
    play(cluster, store, log_of("object", said), provider=defined)
    source, folder = tmp_path / "a b.txt", tmp_path / "results"
    source.write_text("hello")
    result = call("service", "put-file", "svc", source, "--wait", "--output", folder)
    assert result.code == 0, result.err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"result.txt": RESULT}
    assert result.out.splitlines()[-1] == str(folder / "result.txt")


def test_a_log_with_every_word_of_the_supervisor_is_read_too(
    call: Caller, cluster: ScriptedServer, store: Any, tmp_path: Path
) -> None:
    play(cluster, store, log_of("debug"))
    source, folder = tmp_path / "a b.txt", tmp_path / "results"
    source.write_text("hello")
    result = call("service", "put-file", "svc", source, "--wait", "--output", folder)
    assert result.code == 0, result.err
    assert (folder / "result.txt").read_bytes() == RESULT


@pytest.mark.parametrize("returned", [True, False], ids=["in the log", "cut from the log"])
def test_a_jobs_result_comes_from_its_log_or_from_the_provider_that_this_names(
    call: Caller, server: ScriptedServer, store: Any, tmp_path: Path, returned: bool
) -> None:
    call.know(server.url)
    log = log_of("payload")
    if not returned:
        log = re.sub(r"^SEVMTE8=$", "too long a line of ba...", log, flags=re.M)
        server.always("GET", "/system/config", document({"minio_provider": credentials(store.endpoint)}))
    play(server, store, log)
    server.expect("GET", "/system/info", document({"version": "v3.5.0"}))
    server.expect("POST", "/job/svc", Answer(201))
    folder = tmp_path / "results"
    result = call("service", "job", "svc", "-i", "hello", "--wait", "--output", folder)
    assert result.code == 0, result.err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"result.txt": RESULT}


def test_a_running_job_of_a_payload_is_not_taken_for_an_uploads(
    call: Caller, cluster: ScriptedServer, store: Any, tmp_path: Path
) -> None:
    play(cluster, store, log_of("object"), other=log_of("payload").partition("Searching")[0])
    source, folder = tmp_path / "a b.txt", tmp_path / "results"
    source.write_text("hello")
    result = call("service", "put-file", "svc", source, "--wait", "--output", folder)
    assert result.code == 0, result.err
    assert (folder / "result.txt").read_bytes() == RESULT
