"""The local cluster: how fast it is up, what it holds, how long from put-file to a finished output.

Goals: ready at most 1.5 s after `local start`, at most 120 MiB resident, the output of text-stats at most 3 s
after the upload began.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from measure import OSCAR, cluster, server_memory, timed, write

EXAMPLE = Path(__file__).parents[2] / "examples" / "text-stats"
ROUNDS = 5


def main() -> None:
    """Print the three figures."""
    with cluster() as (folder, environ, started):
        write(f"ready after {started:.2f} s")
        timed([OSCAR, "apply", str(EXAMPLE / "fdl.yaml")], environ)
        seconds = [_upload_to_output(folder, environ, number) for number in range(ROUNDS)]
        write(f"put-file to downloaded output: {statistics.median(seconds):.2f} s (median of {ROUNDS})")
        now, peak = server_memory(folder, environ)
        write(f"{now:.0f} MiB resident, {peak:.0f} MiB at its peak")


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
