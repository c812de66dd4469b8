"""What the benchmarks share: whole processes timed in turn, their peak memory, a cluster of their own."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# An installed program finds its bytecode: who compiles it again at each start measures the compiler.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.setdefault("PYTHONPYCACHEPREFIX", str(Path(tempfile.gettempdir(), "oscar-bench-bytecode")))

OSCAR = str(Path(sys.executable).with_name("oscar-cli"))


@dataclass(frozen=True)
class Run:
    """One process: seconds from start to end, and the most memory it held, in MiB."""

    seconds: float
    peak: float


def timed(command: Sequence[str], environ: dict[str, str], cwd: Path | None = None) -> Run:
    """Run a command to its end. Raises CalledProcessError with its last words when it fails."""
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environ, cwd=cwd)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise subprocess.CalledProcessError(process.returncode, command, output.read()[-2000:])
    return Run(seconds, usage.ru_maxrss / 1024)


def ratio(command: Sequence[str], base: Sequence[str], environ: dict[str, str], runs: int = 11) -> str:
    """Time two commands in turn and return a line with both medians and the median of the ratios."""
    pairs = [(timed(command, environ).seconds, timed(base, environ).seconds) for _ in range(runs)]
    ours, theirs = (statistics.median(side) * 1000 for side in zip(*pairs, strict=True))
    times = statistics.median(a / b for a, b in pairs)
    return f"{ours:7.1f} ms  against {theirs:6.1f} ms  = {times:5.2f} times"


@contextmanager
def cluster(*options: str, oscar: str = OSCAR) -> Iterator[tuple[Path, dict[str, str], float]]:
    """Start a local cluster in a temporary folder; give folder, environment and the seconds it took."""
    with tempfile.TemporaryDirectory(prefix="oscar-bench-") as name:
        folder = Path(name)
        environ = {**os.environ, "HOME": name, "OSCAR_CLI_CONFIG": str(folder / "config.yaml")}
        place = ("--data-dir", str(folder / "data"))
        start = timed([oscar, "local", "start", "--port", "0", "--s3-port", "0", *place, *options], environ)
        try:
            yield folder, environ, start.seconds
        finally:
            subprocess.run([oscar, "local", "stop", *place], env=environ, check=False, capture_output=True)


def server_memory(folder: Path, environ: dict[str, str]) -> tuple[float, float]:
    """Return the local cluster's resident memory now and at its peak, in MiB."""
    import json

    words = [OSCAR, "local", "status", "--data-dir", str(folder / "data"), "-o", "json"]
    status = json.loads(subprocess.run(words, env=environ, check=True, capture_output=True).stdout)
    lines = Path(f"/proc/{status['pid']}/status").read_text(encoding="ascii").splitlines()
    sizes = {line.partition(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
    return int(sizes["VmRSS"]) / 1024, int(sizes["VmHWM"]) / 1024


def write(line: str) -> None:
    """Print a line of the report at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
