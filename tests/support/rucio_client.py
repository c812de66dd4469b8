"""Rucio's own client, in an environment of its own: what the scripted catalogue has to be good enough for.

`python -m tests.support.rucio_client` installs it once, for all clones; tests use it where it is there.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.environments import ProgramEnvironment

VERSION = "41.5.1"
ENVIRONMENT = ProgramEnvironment(
    f"rucio-clients-{VERSION}", "tests.support.rucio_client", [[f"rucio-clients=={VERSION}"]]
)
MAX_SECONDS = 300.0
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
        [ENVIRONMENT.python, "-W", "ignore", "-c", ENTRY],
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        check=True,
        timeout=MAX_SECONDS,
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
    ENVIRONMENT.install()
