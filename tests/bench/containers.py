"""What an engine adds to a job of `true`, against one on the host, beside its own bare run of `true`.

Goal: at most 2.5 times the bare run. Needs busybox without libraries; engines that do not work
are passed over. Words on the command line are the engines to measure.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from measure import write

from oscarcli.errors import OscarError
from oscarcli.local.jobs.engine.selection import KINDS
from tests.local.harness import LocalCluster, open_cluster
from tests.support.docker_daemon import docker_variables, missing_docker
from tests.support.images import podman_variables, udocker_variables, write_archive

ROUNDS = 11


def main() -> None:
    """Print a line for each engine."""
    with tempfile.TemporaryDirectory(prefix="oscar-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        os.environ.update(stack.enter_context(podman_variables()))
        os.environ.update(udocker_variables(folder / "udocker"))
        os.environ.update(APPTAINER_NO_PRIVS="1", SINGULARITY_NO_PRIVS="1")
        if missing_docker() is None:
            os.environ.update(stack.enter_context(docker_variables()))
        image = write_archive(folder / "image.tar", "localhost/bench:1")
        for engine in sys.argv[1:] or list(KINDS):
            try:
                cluster = open_cluster(folder / engine, engine=engine, parallel=1)
            except OscarError as error:
                write(f"{engine:12}  {error.message}")
                continue
            host = open_cluster(folder / f"{engine}-host", parallel=1)
            try:
                write(f"{engine:12}  {_compared(cluster, host, engine, image)}")
            finally:
                cluster.close()
                host.close()


def _compared(cluster: LocalCluster, host: LocalCluster, engine: str, image: str) -> str:
    # The cores of this machine for both: the limit of a service would slow the engine's own start.
    for each in (cluster, host):
        each.create("nothing", "true\n", image=image, memory="64Mi", cpu="2", input=[], output=[])
        _run_job(each)
    words = _bare(engine, cluster)
    rounds = [
        (
            _seconds(lambda: _run_job(cluster)),
            _seconds(lambda: _run_job(host)),
            _seconds(lambda: _run_bare(words)),
        )
        for _ in range(ROUNDS)
    ]
    job, on_host, bare = (statistics.median(side) * 1000 for side in zip(*rounds, strict=True))
    times = statistics.median((ours - base) / alone for ours, base, alone in rounds)
    return f"job {job:.0f} ms, on the host {on_host:.0f} ms: adds {times:.2f} bare runs of {bare:.0f} ms"


def _bare(engine: str, cluster: LocalCluster) -> Sequence[str]:
    """Return how an engine runs `true` in the image by itself."""
    placement = cluster.server.cluster.placements.of(
        cluster.server.cluster.services.get("nothing") or {}, lambda: None
    )
    image = placement.image.identifier if placement.image else ""
    if engine in ("podman", "docker"):
        return [engine, "run", "--rm", image, "true"]
    if engine in ("apptainer", "singularity"):
        return [engine, "--quiet", "exec", "--compat", f"{image}/root", "true"]
    if engine == "charliecloud":
        return ["ch-run", f"{image}/root", "--", "true"]
    return ["udocker", *(["--allow-root"] if os.geteuid() == 0 else []), "--quiet", "run", image, "true"]


def _run_bare(words: Sequence[str]) -> None:
    environ = {**os.environ, "USER": "bench"}
    subprocess.run(words, env=environ, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def _run_job(cluster: LocalCluster) -> None:
    """Run a job and wait for its end, then forget it."""
    cluster.submit("nothing")
    while not (jobs := cluster.jobs("nothing")) or any(
        job["status"] in ("Pending", "Running") for job in jobs.values()
    ):
        time.sleep(0.002)
    cluster.api.delete("/system/logs/nothing?all=true")


def _seconds(action: Callable[[], None]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
