"""`dev` on the local cluster: how long from a save to the script's first word, told of it and by looking.

Goal: at most 1 s.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from pathlib import Path

from measure import OSCAR, cluster, write

EXAMPLE = Path(__file__).parents[2] / "examples" / "text-stats"
ROUNDS = 9


def main() -> None:
    """Print the figures."""
    with cluster() as (folder, environ, _):
        service = folder / "service"
        shutil.copytree(EXAMPLE, service)
        seconds = _saves(service, environ)
        write(
            f"save to the script's first word: {statistics.median(seconds):.2f} s "
            f"(median of {len(seconds)}, {min(seconds):.2f} to {max(seconds):.2f})"
        )


def _saves(service: Path, environ: dict[str, str]) -> list[float]:
    """Return the seconds from each save to what the script then says."""
    process = subprocess.Popen(
        [OSCAR, "dev", "fdl.yaml", "gettysburg.txt", "-v"],
        cwd=service,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=(service / "errors").open("w"),
        text=True,
    )
    assert process.stdout is not None
    seconds = []
    try:
        _wait_for(process, "dev-out/")
        for number in range(ROUNDS):
            time.sleep(1)
            script = service / "new"
            script.write_text(f"#!/bin/sh\necho word {number}\nsleep 0.2\n{_rest(service)}")
            began = time.perf_counter()
            script.replace(service / "script.sh")
            _wait_for(process, f"word {number}")
            seconds.append(time.perf_counter() - began)
            _wait_for(process, "dev-out/")
    finally:
        process.terminate()
        process.wait()
    return seconds


def _rest(service: Path) -> str:
    lines = (service / "script.sh").read_text().splitlines(keepends=True)
    return "".join(line for line in lines[1:] if not line.startswith(("echo word", "sleep 0.2")))


def _wait_for(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(text):
            return
    raise RuntimeError("dev has ended")


if __name__ == "__main__":
    main()
