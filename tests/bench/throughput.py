"""How much the local cluster takes: small uploads beside a bare server, jobs beside forks of a shell.

Goals: at least half the uploads of 16 KiB a second that the bare server takes; a job that an upload started
is finished for every third `sh -c true` that could be run in the same time, one after the other.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import obstore
import yaml
from measure import cluster, write
from obstore.store import S3Store

from oscarcli.local.connections import connect_from_outside
from oscarcli.local.folder import DataFolder

UPLOADS = int(os.environ.get("BENCH_FILES", "2000"))
JOBS = int(os.environ.get("BENCH_JOBS", "1000"))
FORKS = 500
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SENDERS = 16
POLL_SECONDS = 0.02
UNFINISHED = "SELECT 1 FROM jobs WHERE status IN ('Pending', 'Running') LIMIT 1"
SMALL = b"\xa5" * (16 << 10)


def main() -> None:
    """Print a line for uploads and one for jobs."""
    with cluster() as (folder, _, _), bare_server() as bare:
        api, provider = _sign_in(folder)
        _uploads(_bucket(provider, "plain"), _bucket({**provider, "endpoint": bare}, "plain"))
        service = {
            "name": "nothing",
            "image": "none",
            "script": "true\n",
            "input": [{"storage_provider": "minio.default", "path": "nothing/in"}],
            "output": [],
        }
        api.post("/system/services", json=service).raise_for_status()
        _jobs(_bucket(provider, "nothing"), DataFolder(folder / "data"))


@contextmanager
def bare_server() -> Iterator[str]:
    """Run the bare server; give its endpoint."""
    program = [sys.executable, str(Path(__file__).with_name("stub_s3.py"))]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.terminate()


def _sign_in(folder: Path) -> tuple[httpx.Client, dict[str, str]]:
    (entry,) = yaml.safe_load((folder / "config.yaml").read_text())["oscar"].values()
    login = (entry["auth_user"], entry["auth_password"])
    api = httpx.Client(base_url=entry["endpoint"], auth=login, trust_env=False, timeout=60)
    provider: dict[str, str] = api.get("/system/config").json()["minio_provider"]
    api.post("/system/buckets", json={"bucket_name": "plain"}).raise_for_status()
    return api, provider


def _bucket(provider: dict[str, str], name: str) -> S3Store:
    return S3Store(
        name,
        endpoint=provider["endpoint"],
        access_key_id=provider["access_key"],
        secret_access_key=provider["secret_key"],
        region=provider["region"],
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )


def _send(bucket: S3Store, count: int, body: bytes, folder: str) -> float:
    """Upload so many objects; return the seconds it took."""
    started = time.perf_counter()
    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(lambda number: obstore.put(bucket, f"{folder}/{number}", body), range(count)))
    return time.perf_counter() - started


def _uploads(ours: S3Store, bare: S3Store) -> None:
    pairs = [
        [UPLOADS / _send(bucket, UPLOADS, SMALL, str(number)) for bucket in (ours, bare)]
        for number in range(ROUNDS + 1)
    ][1:]
    rate, other = (statistics.median(side) for side in zip(*pairs, strict=True))
    times = statistics.median(a / b for a, b in pairs)
    write(f"{rate:.0f} uploads a second, a bare server takes {other:.0f}  = {times:.2f} times")


def _jobs(bucket: S3Store, folder: DataFolder) -> None:
    pairs = []
    for number in range(ROUNDS):
        forks = _forks()
        rate = _finished_jobs(bucket, folder, f"in/{number}")
        pairs.append((rate, (forks + _forks()) / 2))
    rate, other = (statistics.median(side) for side in zip(*pairs, strict=True))
    times = statistics.median(a / b for a, b in pairs)
    write(f"{rate:.0f} jobs a second, a shell is run {other:.0f} times  = {times:.2f} times")


def _finished_jobs(bucket: S3Store, folder: DataFolder, prefix: str) -> float:
    # Asked of the database, so that nobody is kept from work.
    with closing(connect_from_outside(folder.database)) as database:
        started = time.perf_counter()
        _send(bucket, JOBS, b"x", prefix)
        while database.execute(UNFINISHED).fetchone():
            time.sleep(POLL_SECONDS)
        return JOBS / (time.perf_counter() - started)


def _forks() -> float:
    started = time.perf_counter()
    for _ in range(FORKS):
        subprocess.run(["/bin/sh", "-c", "true"], check=True)
    return FORKS / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
