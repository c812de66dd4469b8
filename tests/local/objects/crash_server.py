"""A store in a process of its own, for the tests that kill it. Prints its port; runs until it is killed."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from tests.local.objects.harness import running

if __name__ == "__main__":
    with running(Path(sys.argv[1])) as server:
        print(server.port, flush=True)  # noqa: T201 -- how the test learns it
        threading.Event().wait()
