"""The local cluster: how fast it is up, what it holds, how long from put-file to a finished output, how much.

With the path of another oscar-cli, small uploads and jobs are timed on both in turn.

Goals: ready at most 1.5 s after `local start`, at most 120 MiB resident, the output of text-stats at most 3 s
after the upload began.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import httpx
import yaml
from botocore.config import Config
from measure import OSCAR, cluster, server_memory, timed, write

EXAMPLE = Path(__file__).parents[2] / "examples" / "text-stats"
ROUNDS = 5
UPLOADS = 300
JOBS = 200
SENDERS = 4


def main() -> None:
    """Print the figures."""
    with cluster() as (folder, environ, started):
        write(f"ready after {started:.2f} s")
        timed([OSCAR, "apply", str(EXAMPLE / "fdl.yaml")], environ)
        seconds = [_upload_to_output(folder, environ, number) for number in range(ROUNDS)]
        write(f"put-file to downloaded output: {statistics.median(seconds):.2f} s (median of {ROUNDS})")
        now, peak = server_memory(folder, environ)
        write(f"{now:.0f} MiB resident, {peak:.0f} MiB at its peak")
    with contextlib.ExitStack() as stack:
        _throughput(
            [
                Throughput(*stack.enter_context(cluster(oscar=oscar))[:2], oscar)
                for oscar in (OSCAR, *sys.argv[1:])
            ]
        )


class Throughput:
    """A local cluster that takes many small requests.

    Args:
        folder: of the cluster.
        environ: for its commands.
        oscar: the program that started it.
    """

    def __init__(self, folder: Path, environ: dict[str, str], oscar: str) -> None:
        self._status = [oscar, "local", "status", "--data-dir", str(folder / "data"), "-o", "json"]
        self._environ = environ
        (entry,) = yaml.safe_load((folder / "config.yaml").read_text())["oscar"].values()
        login = (entry["auth_user"], entry["auth_password"])
        self._api = httpx.Client(base_url=entry["endpoint"], auth=login, trust_env=False, timeout=60)
        provider = self._api.get("/system/config").json()["minio_provider"]
        self._s3: Any = boto3.client(
            "s3",
            endpoint_url=provider["endpoint"],
            aws_access_key_id=provider["access_key"],
            aws_secret_access_key=provider["secret_key"],
            region_name=provider["region"],
            config=Config(proxies={}),
        )
        self._s3.create_bucket(Bucket="plain")
        service = {"name": "nothing", "image": "none", "script": "true\n", "input": [], "output": []}
        self._api.post("/system/services", json=service).raise_for_status()
        token = self._api.get("/system/services/nothing").json()["token"]
        self._bearer = {"Authorization": f"Bearer {token}"}

    def uploads(self) -> float:
        """Return the uploads of a second."""
        started = time.perf_counter()
        with ThreadPoolExecutor(SENDERS) as pool:
            list(pool.map(self._upload, range(UPLOADS)))
        return UPLOADS / (time.perf_counter() - started)

    def _upload(self, number: int) -> None:
        self._s3.put_object(Bucket="plain", Key=f"{number}.txt", Body=b"x" * 1000)

    def jobs(self) -> float:
        """Return the jobs of a second, from the first that is sent to the last that has ended."""
        started = time.perf_counter()
        with httpx.Client(base_url=self._api.base_url, trust_env=False, timeout=60) as client:
            for _ in range(JOBS):
                client.post("/job/nothing", content=b"{}", headers=self._bearer).raise_for_status()
        while self._waiting():
            time.sleep(0.05)
        return JOBS / (time.perf_counter() - started)

    def _waiting(self) -> int:
        done = subprocess.run(self._status, env=self._environ, check=True, capture_output=True)
        counts: dict[str, int] = json.loads(done.stdout)["jobs"]
        return sum(counts.values())


def _throughput(clusters: list[Throughput]) -> None:
    for name in ("uploads", "jobs"):
        rounds = [[getattr(each, name)() for each in clusters] for _ in range(ROUNDS + 1)][1:]
        ours = statistics.median(rates[0] for rates in rounds)
        line = f"{ours:.0f} {name} a second"
        for other in range(1, len(clusters)):
            times = statistics.median(rates[0] / rates[other] for rates in rounds)
            line += f", {times:.2f} times those of {sys.argv[other]}"
        write(line)


def _upload_to_output(folder: Path, environ: dict[str, str], number: int) -> float:
    name = f"text-{number}"
    started = time.perf_counter()
    put = ["put-file", "text-stats", str(EXAMPLE / "gettysburg.txt"), f"text-stats/input/{name}.txt"]
    timed([OSCAR, "service", *put], environ)
    timed([OSCAR, "service", "logs", "get", "text-stats", "--latest", "--follow"], environ)
    get = ["get-file", "text-stats", f"text-stats/output/{name}.stats.txt", str(folder / name)]
    timed([OSCAR, "service", *get], environ)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
