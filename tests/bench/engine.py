"""put-file, get-file and list-files beside s5cmd and rclone, in turn, against one store that answers at once.

Each line ends with the goals that it is held to, and whether they are met: 2,000 files of 16 KiB and 1 GiB
in at most the time of s5cmd, also with 50 ms added to each answer, the large ones with a digest and at most
the CPU of s5cmd; at most 120 MiB resident; `put-file` of one small file at most 0.6 s of CPU; no HEAD for a
small file; the first of 1,000,000 keys within 0.3 s of what `--help` takes, with memory that does not grow
with their number.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from measure import OSCAR, write
from stub_store import BUCKET, Stub, built, manager, stub

MIB = 1 << 20
LARGE = int(os.environ.get("BENCH_LARGE_MIB", "1024")) * MIB
FILES = int(os.environ.get("BENCH_FILES", "2000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
KEYS = int(os.environ.get("BENCH_KEYS", "1000000"))
SMALL = 16 * 1024
MAX_PEAK_MIB = 120
MAX_CPU_OF_ONE_SECONDS = 0.6
MAX_FIRST_SECONDS = 0.3
# What a listing may hold more for a hundred times as many keys.
MAX_GROWTH = 1.1
WORDS = {"seconds": "time", "cpu": "CPU"}
BIN = Path(sys.executable).parent
KEYS_OF_STORE = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


@dataclass(frozen=True)
class Cost:
    """What one process took: seconds, seconds of CPU, and the most memory in MiB."""

    seconds: float
    cpu: float
    peak: float


@dataclass(frozen=True)
class Files:
    """What is sent, and where what is fetched goes."""

    small: Path
    large: Path
    back: Path

    def clear(self) -> None:
        """Leave nothing of what was fetched before in its place.

        Small files are moved away, not removed: where many were removed just now, some file systems look long
        for a place for each new one.
        """
        if self.back.exists():
            for large in self.back.glob("large*"):
                large.unlink()
            self.back.rename(self.back.with_name(f"old-{time.monotonic_ns()}"))
        self.back.mkdir()

    def use_memory(self) -> None:
        """Use, and give back, more than a large file takes, so that each program finds the same.

        A virtual machine may give free memory to its host after a second or two. To get it back takes longer
        than a transfer, and more so with the large pages that large blocks are written to.
        """
        other = self.back.with_name("other")
        with other.open("wb") as file:
            for _ in range(2 * LARGE // MIB):
                file.write(bytes(MIB))
        other.unlink()


def main() -> None:
    """Print a line for every transfer and every peer."""
    with tempfile.TemporaryDirectory(prefix="oscar-bench-") as name:
        folder = Path(name)
        program = built(folder)
        files = _made(folder)
        with stub(program) as store:
            _compare(store, files, ["put one", "put small", "get small", "put large", "get large"])
        with stub(program, "-delay", "50ms") as store:
            _compare(store, files, ["put small", "get small"], "50 ms, ")
        _list(program)


def _made(folder: Path) -> Files:
    files = Files(folder / "small", folder / "large.bin", folder / "back")
    files.small.mkdir()
    for number in range(FILES):
        (files.small / f"{number:05}.bin").write_bytes(os.urandom(SMALL))
    with files.large.open("wb") as file:
        # What the store gives back of a large object, so that its digests are those of the content.
        for _ in range(LARGE // MIB):
            file.write(bytes(MIB))
    return files


def _commands(store: Stub, files: Files) -> dict[str, dict[str, list[str]]]:
    """Return what each program is called with for each transfer; ours is the first one."""
    small, large, back = f"{files.small}/", str(files.large), f"{files.back}/"
    first = str(next(files.small.iterdir()))
    ours = [OSCAR, "service"]
    provider = ["svc", "minio.default"]
    s5cmd = [str(BIN / "s5cmd"), "--endpoint-url", store.url, "cp"]
    rclone = [str(BIN / "rclone"), "--s3-provider=Minio", f"--s3-endpoint={store.url}", "--s3-env-auth"]
    rclone += ["--s3-no-check-bucket", "--transfers=32"]
    place, remote = f"s3://{BUCKET}", f":s3:{BUCKET}"
    # Each program fetches the large file that it sent itself, with the digests that it sent.
    every = sorted(str(path) for path in files.small.iterdir())
    return {
        "oscar-cli": {
            "put one": [*ours, "put-file", *provider, first, f"{BUCKET}/one", "--no-progress"],
            "put small": [*ours, "put-file", *provider, *every, f"{BUCKET}/in/", "--no-progress"],
            "get small": [*ours, "get-file", *provider, f"{BUCKET}/in/", back, "--no-progress"],
            "put large": [*ours, "put-file", *provider, large, f"{BUCKET}/large-1", "--no-progress"],
            "get large": [*ours, "get-file", *provider, f"{BUCKET}/large-1", f"{back}large", "--no-progress"],
        },
        "s5cmd": {
            "put one": [*s5cmd, first, f"{place}/one"],
            "put small": [*s5cmd, small, f"{place}/in/"],
            "get small": [*s5cmd, f"{place}/in/*", back],
            "put large": [*s5cmd, large, f"{place}/large-2"],
            "get large": [*s5cmd, f"{place}/large-2", f"{back}large"],
        },
        "rclone": {
            "put one": [*rclone, "copyto", first, f"{remote}/one"],
            "put small": [*rclone, "copy", small, f"{remote}/in", "--no-check-dest"],
            "get small": [*rclone, "copy", f"{remote}/in", back],
            "put large": [*rclone, "copyto", large, f"{remote}/large-3"],
            "get large": [*rclone, "copyto", f"{remote}/large-3", f"{back}large"],
        },
    }


def _compare(store: Stub, files: Files, transfers: Sequence[str], prefix: str = "") -> None:
    commands = _commands(store, files)
    with manager(store) as variables:
        environ = {**os.environ, **variables, **KEYS_OF_STORE}
        for transfer in transfers:
            rounds = []
            for _ in range(ROUNDS):
                costs = {}
                for program, words in commands.items():
                    files.clear()
                    if transfer == "get large":
                        files.use_memory()
                    costs[program] = _cost(words[transfer], environ)
                    if program == "oscar-cli":
                        counts = store.counts()
                store.counts()
                rounds.append(costs)
            _report(prefix + transfer, rounds, counts)


def _report(name: str, rounds: list[dict[str, Cost]], counts: dict[str, int]) -> None:
    ours = [costs["oscar-cli"] for costs in rounds]
    seconds, cpu = (min(getattr(cost, kind) for cost in ours) for kind in ("seconds", "cpu"))
    peak = max(cost.peak for cost in ours)
    goals = [
        _goal("peak", peak, MAX_PEAK_MIB, "MiB"),
        _goal("HEAD", counts["heads"], int("get large" in name)),
    ]
    if name == "put one":
        goals.append(_goal("CPU", cpu, MAX_CPU_OF_ONE_SECONDS, "s"))
    write(f"{name:18} {seconds:6.2f} s, CPU {cpu:5.2f} s, {_requests(counts)}; {', '.join(goals)}")
    for peer in list(rounds[0])[1:]:
        ratios = {kind: _ratios(rounds, peer, kind) for kind in ("seconds", "cpu")}
        told = [
            f"{statistics.median(found):.2f} ({min(found):.2f}) times its {WORDS[kind]}"
            for kind, found in ratios.items()
        ]
        held = {"seconds": name != "put one", "cpu": "large" in name}
        goals = [
            _goal(WORDS[kind], statistics.median(ratios[kind]), 1.0)
            for kind in ratios
            if peer == "s5cmd" and held[kind]
        ]
        write(f"{'':18} {peer:6} {', '.join(told)}{'; ' if goals else ''}{', '.join(goals)}")


def _requests(counts: dict[str, int]) -> str:
    return f"{counts['calls']} requests over {counts['connections']} connections"


def _ratios(rounds: list[dict[str, Cost]], peer: str, kind: str) -> list[float]:
    return [getattr(costs["oscar-cli"], kind) / getattr(costs[peer], kind) for costs in rounds]


def _goal(what: str, found: float, most: float, unit: str = "") -> str:
    """Return a figure with its goal, and whether that is met."""
    shown, bound = (f"{value:.2f}".rstrip("0").rstrip(".") for value in (found, most))
    return f"{what} {shown} of {bound}{' ' * bool(unit)}{unit}{'' if found <= most else ' MISSED'}"


def _list(program: Path) -> None:
    """Say when the first of many keys is there, and what memory all of them take, also as JSON."""
    for form in ("table", "json"):
        peaks = []
        for keys in (KEYS // 100, KEYS):
            with stub(program, "-keys", str(keys)) as store:
                first, seconds, peak = _listed(store, form)
            peaks.append(peak)
            goals = [
                _goal("first after", first, MAX_FIRST_SECONDS, "s"),
                _goal("peak", peak, MAX_PEAK_MIB, "MiB"),
                _goal("times the peak of a hundredth", peak / peaks[0], MAX_GROWTH),
            ]
            write(f"{f'list as {form}':18} {keys} keys in {seconds:.1f} s; {', '.join(goals)}")


def _listed(store: Stub, form: str) -> tuple[float, float, float]:
    """Return seconds to the first line, less those of --help, and to the last; and the most memory in MiB."""
    with manager(store) as variables:
        environ = {**os.environ, **variables}
        words = [OSCAR, "service", "list-files", "svc", "minio.default", f"{BUCKET}/in/", "-o", form]
        short = [OSCAR, "service", "list-files", "--help"]
        start = min(_cost(short, environ).seconds for _ in range(ROUNDS))
        firsts = []
        for number in range(ROUNDS):
            started = time.perf_counter()
            process = subprocess.Popen(words, stdout=subprocess.PIPE, env=environ)
            assert process.stdout is not None
            os.read(process.stdout.fileno(), MIB)
            firsts.append(time.perf_counter() - started)
            if number < ROUNDS - 1:
                process.kill()
            while os.read(process.stdout.fileno(), MIB):
                pass
            _, _, usage = os.wait4(process.pid, 0)
            process.returncode = 0
            process.stdout.close()
        return min(firsts) - start, time.perf_counter() - started, usage.ru_maxrss / 1024


def _cost(command: Sequence[str], environ: dict[str, str]) -> Cost:
    """Run a command to its end. Raises CalledProcessError with its last words when it fails."""
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environ)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise subprocess.CalledProcessError(process.returncode, command, output.read()[-2000:])
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


if __name__ == "__main__":
    main()
