"""put-file and get-file of 1 GiB and of 2,000 files of 16 KiB, with peak memory on both sides.

Goal: at most 120 MiB resident, whatever is transferred. Each figure stands beside a plain copy of the same
bytes on the same disk, synced, in the same run.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from measure import OSCAR, Run, cluster, server_memory, timed, write

MIB = 1 << 20
LARGE = int(os.environ.get("BENCH_LARGE_MIB", "1024")) * MIB
FILES = int(os.environ.get("BENCH_FILES", "2000"))
SMALL = 16 * 1024

FDL = """
functions:
  oscar:
  - default-cluster:
      name: bench
      image: none
      script: script.sh
      output:
      - storage_provider: minio.default
        path: bench/out
"""


def main() -> None:
    """Print a line for every transfer."""
    with cluster() as (folder, environ, _):
        (folder / "fdl.yaml").write_text(FDL, encoding="utf-8")
        (folder / "script.sh").write_text("true\n", encoding="utf-8")
        timed([OSCAR, "apply", str(folder / "fdl.yaml")], environ)
        _large(folder, environ)
        _small(folder, environ)
        now, peak = server_memory(folder, environ)
        write(f"local cluster: {now:.0f} MiB resident, {peak:.0f} MiB at its peak")


def _large(folder: Path, environ: dict[str, str]) -> None:
    source = folder / "large.bin"
    with source.open("wb") as file:
        for _ in range(LARGE // MIB):
            file.write(os.urandom(MIB))
    copied = _copied(source, folder / "copy.bin")
    put = timed(_words("put-file", str(source), "bench/out/large.bin"), environ)
    _report(f"put-file of {LARGE // MIB} MiB", LARGE, put, copied)
    get = timed(_words("get-file", "bench/out/large.bin", str(folder / "back.bin")), environ)
    _report(f"get-file of {LARGE // MIB} MiB", LARGE, get, copied)


def _small(folder: Path, environ: dict[str, str]) -> None:
    source = folder / "small"
    source.mkdir()
    for number in range(FILES):
        (source / f"{number:05}.bin").write_bytes(os.urandom(SMALL))
    copied = _copied(source, folder / "small-copy")
    put = timed(_words("put-file", str(source / "*.bin"), "bench/out/small/"), environ)
    _report(f"put-file of {FILES} files of 16 KiB", FILES * SMALL, put, copied)
    write(f"{'':34} {FILES / put.seconds:.0f} files/s")
    get = timed(_words("get-file", "bench/out/small/", str(folder / "small-back") + "/"), environ)
    _report(f"get-file of {FILES} files of 16 KiB", FILES * SMALL, get, copied)
    write(f"{'':34} {FILES / get.seconds:.0f} files/s")


def _words(verb: str, *arguments: str) -> list[str]:
    return [OSCAR, "service", verb, "bench", "minio.default", *arguments, "--no-progress"]


def _copied(source: Path, target: Path) -> float:
    """Copy and sync; return the seconds it took."""
    started = time.perf_counter()
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
    os.sync()
    return time.perf_counter() - started


def _report(name: str, size: int, run: Run, copied: float) -> None:
    rate = size / MIB / run.seconds
    write(
        f"{name:34} {run.seconds:6.2f} s  {rate:6.0f} MiB/s  "
        f"{run.seconds / copied:5.1f} times a synced copy  peak {run.peak:.0f} MiB"
    )


if __name__ == "__main__":
    main()
