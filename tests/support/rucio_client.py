"""Rucio's own client, in an environment of its own: what the scripted catalogue has to be good enough for.

`python tests/support/rucio_client.py` installs it once, for all clones; tests use it where it is there.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

VERSION = "41.5.1"
PYTHON = f"py{sys.version_info[0]}.{sys.version_info[1]}"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "oscar-cli-tests"
HOME = CACHE / f"rucio-clients-{VERSION}-{PYTHON}"
# Written last: an environment without it was never finished.
STAMP = HOME / "installed"
SECONDS = 300.0
# Calls methods of the client, one after another, and says what each returned or raised.
ENTRY = """
import datetime, json, sys
from rucio.client import Client

client = Client()
for name, arguments, options in json.load(sys.stdin):
    try:
        found = getattr(client, name)(*arguments, **options)
        found = list(found) if hasattr(found, "__next__") else found
    except Exception as error:
        found = {"raised": type(error).__name__}
    print(json.dumps(found, default=datetime.datetime.isoformat))
"""

Call = tuple[str, Sequence[Any], dict[str, Any]]


def install() -> None:
    """Install the client unless it is there. Raises CalledProcessError, OSError."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{HOME.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if STAMP.exists():
            return
        pip = [str(HOME / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(HOME)], check=True, timeout=SECONDS)
        subprocess.run([*pip, f"rucio-clients=={VERSION}"], check=True, timeout=SECONDS)
        STAMP.touch()


def ask(folder: Path, settings: dict[str, str], calls: Sequence[Call]) -> list[Any]:
    """Return what the client's methods return, one after another.

    Args:
        folder: for its configuration.
        settings: of the section "client" there.
        calls: names of methods, with their arguments.
    """
    (folder / "etc").mkdir(exist_ok=True)
    lines = ["[client]", *(f"{name} = {value}" for name, value in settings.items())]
    lines += ["[policy]", "permission = generic", "schema = generic", "lfn2pfn_algorithm_default = hash"]
    (folder / "etc" / "rucio.cfg").write_text("\n".join([*lines, ""]))
    done = subprocess.run(
        [str(HOME / "bin" / "python"), "-W", "ignore", "-c", ENTRY],
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
        # Its tokens are kept below the folder for temporary files.
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "RUCIO_HOME": str(folder),
            "RUCIO_CONFIG": str(folder / "etc" / "rucio.cfg"),
        },
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


if __name__ == "__main__":
    install()
