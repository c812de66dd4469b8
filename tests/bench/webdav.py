"""put-file and get-file of 4 GiB to and from Apache's mod_dav, with peak memory on both sides.

Goal: no more memory than for 1 MiB, whatever the size; the least that Python takes is most of it. The file is
a sparse one, which is quick to make; each figure stands beside a plain copy of the same bytes.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from measure import OSCAR, Run, cluster, timed, write

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.support.webdav_servers import LOGIN, PASSWORD, apache_server

MIB = 1 << 20
SIZES = (1, int(os.environ.get("BENCH_LARGE_MIB", "4096")))


def main() -> None:
    """Print a line for every transfer."""
    with cluster() as (folder, environ, _), apache_server() as apache:
        apache.make_folder("top")
        settings = {"hostname": apache.endpoint, "login": LOGIN, "password": PASSWORD}
        fdl = {
            "functions": {
                "oscar": [
                    {
                        "default-cluster": {
                            "name": "bench",
                            "image": "none",
                            "script": "script.sh",
                            "output": [{"storage_provider": "webdav.apache", "path": "top"}],
                        }
                    }
                ]
            },
            "storage_providers": {"webdav": {"apache": settings}},
        }
        # JSON is YAML.
        (folder / "fdl.yaml").write_text(json.dumps(fdl), encoding="utf-8")
        (folder / "script.sh").write_text("true\n", encoding="utf-8")
        timed([OSCAR, "apply", str(folder / "fdl.yaml")], environ)
        for size in SIZES:
            _transfer(size, environ)


def _transfer(size: int, environ: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory(prefix="oscar-bench-") as name:
        source, back = Path(name, "source"), Path(name, "back")
        with source.open("wb") as file:
            file.truncate(size * MIB)
            # Not at the start: an answer that ends too early is another file.
            file.seek(size * MIB - 7)
            file.write(b"the end")
        started = time.perf_counter()
        shutil.copyfile(source, Path(name, "copy"))
        copied = time.perf_counter() - started
        Path(name, "copy").unlink()
        put = timed(_words("put-file", str(source), "top/large"), environ)
        _report(f"put-file of {size} MiB", size, put, copied)
        get = timed(_words("get-file", "top/large", str(back)), environ)
        _report(f"get-file of {size} MiB", size, get, copied)
        with source.open("rb") as left, back.open("rb") as right:
            while block := left.read(MIB):
                if block != right.read(MIB):
                    raise SystemExit("what came back is something else")
            if right.read(1):
                raise SystemExit("more came back than was sent")


def _words(verb: str, *arguments: str) -> list[str]:
    return [OSCAR, "service", verb, "bench", "webdav.apache", *arguments, "--no-progress"]


def _report(name: str, size: int, run: Run, copied: float) -> None:
    write(
        f"{name:24} {run.seconds:7.2f} s  {size / run.seconds:6.0f} MiB/s  "
        f"{run.seconds / copied:6.1f} times a copy  peak {run.peak:.1f} MiB"
    )


if __name__ == "__main__":
    main()
