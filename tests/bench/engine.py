"""put-file, get-file and list-files beside s5cmd and rclone, in turn, against one store that answers at once.

Goals: 2,000 files of 16 KiB and 1 GiB in at most the time of s5cmd, also with 50 ms added to each answer, the
large ones with a digest and at most the CPU of s5cmd; at most 120 MiB resident; `put-file` of one small file
at most 0.6 s of CPU; no request more than one a file; the first of 1,000,000 keys within 0.3 s of the answer.
"""

from __future__ import annotations

import os
import shutil
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
        """Leave nothing of what was fetched before."""
        shutil.rmtree(self.back, ignore_errors=True)
        self.back.mkdir()


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
        with stub(program, "-keys", str(KEYS)) as store:
            _list(store)


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
    every = sorted(str(path) for path in files.small.iterdir())
    return {
        "oscar-cli": {
            "put one": [*ours, "put-file", *provider, first, f"{BUCKET}/one", "--no-progress"],
            "put small": [*ours, "put-file", *provider, *every, f"{BUCKET}/in/", "--no-progress"],
            "get small": [*ours, "get-file", *provider, f"{BUCKET}/in/", back, "--no-progress"],
            "put large": [*ours, "put-file", *provider, large, f"{BUCKET}/large", "--no-progress"],
            "get large": [*ours, "get-file", *provider, f"{BUCKET}/large", f"{back}large", "--no-progress"],
        },
        "s5cmd": {
            "put one": [*s5cmd, first, f"{place}/one"],
            "put small": [*s5cmd, small, f"{place}/in/"],
            "get small": [*s5cmd, f"{place}/in/*", back],
            "put large": [*s5cmd, large, f"{place}/large"],
            "get large": [*s5cmd, f"{place}/large", f"{back}large"],
        },
        "rclone": {
            "put one": [*rclone, "copyto", first, f"{remote}/one"],
            "put small": [*rclone, "copy", small, f"{remote}/in", "--no-check-dest"],
            "get small": [*rclone, "copy", f"{remote}/in", back],
            "put large": [*rclone, "copyto", large, f"{remote}/large"],
            "get large": [*rclone, "copyto", f"{remote}/large", f"{back}large"],
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
                    costs[program] = _cost(words[transfer], environ)
                    if program == "oscar-cli":
                        counts = store.counts()
                store.counts()
                rounds.append(costs)
            _report(prefix + transfer, rounds, counts)


def _report(name: str, rounds: list[dict[str, Cost]], counts: dict[str, int]) -> None:
    ours = [costs["oscar-cli"] for costs in rounds]
    seconds, cpu = (statistics.median(getattr(cost, kind) for cost in ours) for kind in ("seconds", "cpu"))
    peak = max(cost.peak for cost in ours)
    write(
        f"{name:18} {seconds:6.2f} s, CPU {cpu:5.2f} s, peak {peak:4.0f} MiB, {counts['calls']} requests, "
        f"{counts['heads']} of them HEAD, {counts['connections']} connections"
    )
    for peer in list(rounds[0])[1:]:
        times = [costs["oscar-cli"].seconds / costs[peer].seconds for costs in rounds]
        works = [costs["oscar-cli"].cpu / costs[peer].cpu for costs in rounds]
        theirs = statistics.median(costs[peer].seconds for costs in rounds)
        write(
            f"{'':18} {statistics.median(times):5.2f} times {peer}'s {theirs:.2f} s, "
            f"{statistics.median(works):5.2f} times its CPU"
        )


def _list(store: Stub) -> None:
    """Say when the first of many keys is there, and what memory all of them take."""
    with manager(store) as variables:
        environ = {**os.environ, **variables}
        words = [OSCAR, "service", "list-files", "svc", "minio.default", f"{BUCKET}/in/"]
        short = [OSCAR, "service", "list-files", "--help"]
        start = statistics.median(_cost(short, environ).seconds for _ in range(ROUNDS))
        started = time.perf_counter()
        process = subprocess.Popen(words, stdout=subprocess.PIPE, env=environ)
        assert process.stdout is not None
        output = process.stdout.fileno()
        lines = os.read(output, MIB).count(b"\n")
        first = time.perf_counter() - started
        while block := os.read(output, MIB):
            lines += block.count(b"\n")
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        process.stdout.close()
        write(
            f"list of {KEYS} keys: the first after {first:.2f} s, {first - start:.2f} s more than --help; "
            f"{lines} lines in {time.perf_counter() - started:.1f} s, peak {usage.ru_maxrss / 1024:.0f} MiB"
        )


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
