"""A local cluster inside the test's own process, spoken to over its real wires."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from oscarcli.local import control
from oscarcli.local.folder import DataFolder
from oscarcli.local.options import Binding, Options
from oscarcli.local.server import Server
from tests.support.command import World

PATIENCE = 120.0
Job = dict[str, Any]


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """Return what `condition` returns once it is true."""
    deadline = time.monotonic() + PATIENCE
    pause = 0.005
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        # To ask a server costs as much time of the processor as some of what is waited for.
        time.sleep(pause)
        pause = min(0.1, 1.25 * pause)
    return value


def open_files(folder: Path) -> list[str]:
    """Return the files below a folder that this process has open, one name for each time."""
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("only Linux tells which files are open")
    opened = []
    for descriptor in descriptors.iterdir():
        with suppress(OSError):
            opened.append(descriptor.readlink())
    return sorted(str(path) for path in opened if path.is_relative_to(folder))


def without_told_lines(log: str) -> str:
    """Return a job's log without the lines of the supervisor and of the local cluster.

    The line about the event ends with a blank and has an empty one behind it.
    """
    return re.sub(r"^.{23} - (?:supervisor|local cluster) - .*?(?: \n)?\n", "", log, flags=re.M)


@dataclass
class LocalCluster:
    """A running local cluster and clients of both its listeners."""

    server: Server
    folder: DataFolder
    api: httpx.Client
    tokens: dict[str, str] = field(default_factory=dict)
    _s3: Any = None
    _stranger: httpx.Client | None = None
    # Tests call from several threads; of two clients one would never be closed.
    _making: threading.Lock = field(default_factory=threading.Lock)

    @property
    def s3(self) -> Any:
        """A boto3 client with the credentials that the API hands out."""
        with self._making:
            if self._s3 is None:
                self._s3 = self._boto_client()
        return self._s3

    def _boto_client(self) -> Any:
        import boto3
        from botocore.config import Config

        provider = self.api.get("/system/config").json()["minio_provider"]
        return boto3.client(
            "s3",
            endpoint_url=provider["endpoint"],
            aws_access_key_id=provider["access_key"],
            aws_secret_access_key=provider["secret_key"],
            region_name=provider["region"],
            config=Config(proxies={}, retries={"max_attempts": 1}, max_pool_connections=32),
        )

    def become_known(self, world: World) -> None:
        """Be the only cluster on record in a world, and the default."""
        settings = self.server.cluster.settings
        entry = {
            "endpoint": self.server.endpoints.api,
            "auth_user": settings.user,
            "auth_password": settings.password,
            "ssl_verify": True,
        }
        world.write_config(json.dumps({"oscar": {"local": entry}, "default": "local"}))

    def create(self, name: str, script: str = 'cat "$INPUT_FILE_PATH"\n', **members: Any) -> None:
        """Create a service that reads NAME-bucket/in and writes NAME-bucket/out, unless told otherwise."""
        definition = {
            "name": name,
            "image": "none",
            "script": script,
            "input": [{"storage_provider": "minio", "path": f"{name}-bucket/in"}],
            "output": [{"storage_provider": "minio", "path": f"{name}-bucket/out"}],
            **members,
        }
        response = self.api.post("/system/services", json=definition)
        assert (response.status_code, response.text) == (201, "")

    def token(self, service: str) -> str:
        """Return a service's token."""
        token: str = self.api.get(f"/system/services/{service}").json()["token"]
        return token

    def bearer(self, service: str) -> dict[str, str]:
        """Return the headers that `/job` and `/run` want."""
        return {"Authorization": f"Bearer {self.token(service)}"}

    def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Send a request without the cluster's own credentials."""
        with self._making:
            if self._stranger is None:
                # One for all: making a client costs more than a request.
                self._stranger = httpx.Client(
                    base_url=self.server.endpoints.api, trust_env=False, verify=False, timeout=60
                )
        return self._stranger.request(method, path, **arguments)

    def upload(self, service: str, key: str, body: bytes = b"hello") -> None:
        """Upload an object to the service's bucket."""
        self.s3.put_object(Bucket=f"{service}-bucket", Key=key, Body=body)

    def keys(self, bucket: str) -> list[str]:
        """Return the keys of a bucket."""
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]

    def content(self, bucket: str, key: str) -> bytes:
        """Return an object's bytes."""
        with self.s3.get_object(Bucket=bucket, Key=key)["Body"] as body:
            return bytes(body.read())

    def submit(self, service: str, body: bytes = b"", job: str = "") -> None:
        """Start a job with a payload."""
        headers = self.bearer(service) | ({"X-Delegated-Job-ID": job} if job else {})
        response = self.call("POST", f"/job/{service}", content=body, headers=headers)
        assert (response.status_code, response.text) == (201, "")

    def jobs(self, service: str) -> dict[str, Job]:
        """Return the service's jobs."""
        jobs: dict[str, Job] = self.api.get(f"/system/logs/{service}").json()["jobs"]
        return jobs

    def ended(self, service: str, count: int = 1) -> dict[str, Job]:
        """Return the service's jobs once so many have ended."""

        def all_ended() -> dict[str, Job]:
            jobs = self.jobs(service)
            over = [job for job in jobs.values() if job["status"] in ("Succeeded", "Failed")]
            return jobs if len(over) >= count else {}

        jobs: dict[str, Job] = wait_for(all_ended, f"{count} jobs of {service}")
        return jobs

    def log(self, service: str, job: str) -> str:
        """Return a job's log."""
        return self.api.get(f"/system/logs/{service}/{job}").text

    def only_log(self, service: str) -> str:
        """Return the log of the service's only job once it has ended."""
        (job,) = self.ended(service)
        return self.log(service, job)

    def script_output(self, service: str) -> str:
        """Return what the script of the service's only job printed."""
        return without_told_lines(self.only_log(service))

    def disconnect(self) -> None:
        """Close the clients."""
        self.api.close()
        if self._stranger is not None:
            self._stranger.close()
        if self._s3 is not None:
            self._s3.close()

    def close(self) -> None:
        """Stop the cluster, once."""
        if not self.api.is_closed:
            self.disconnect()
            self.server.stop()


def open_cluster(path: Path, **options: Any) -> LocalCluster:
    """Start a cluster in a directory on free ports."""
    folder = DataFolder(path)
    server = Server(folder, Binding(port=0, s3_port=0), Options(**options))
    server.start()
    settings = server.cluster.settings
    api = httpx.Client(
        base_url=server.endpoints.api,
        auth=(settings.user, settings.password),
        trust_env=False,
        verify=False,
        timeout=60,
    )
    return LocalCluster(server, folder, api)


class Process:
    """A cluster in a process of its own, to be killed and started again on the same directory."""

    def __init__(self, path: Path) -> None:
        self.folder = DataFolder(path)
        self.cluster: LocalCluster | None = None

    def start(self, **options: Any) -> LocalCluster:
        """Start it; the clients of the start before are closed."""
        self.disconnect()
        started = control.start(self.folder, Binding(port=0, s3_port=0), Options(**options))
        login = (started.settings.user, started.settings.password)
        api = httpx.Client(
            base_url=started.endpoints.api, auth=login, trust_env=False, verify=False, timeout=60
        )
        server: Any = type("Remote", (), {"endpoints": started.endpoints})()
        self.cluster = LocalCluster(server, self.folder, api)
        return self.cluster

    def kill(self) -> None:
        """End it without warning."""
        pid = self.folder.holder()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: self.folder.holder() is None, "the server to be gone")

    def disconnect(self) -> None:
        """Close the clients."""
        if self.cluster is not None:
            self.cluster.disconnect()
