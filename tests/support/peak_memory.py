"""The real command in a process of its own, which says at its end how much memory it had."""

from __future__ import annotations

import subprocess
import sys

from tests.support.command import World

# What the system tells of a child counts its parent's memory, too: only the process itself knows.
PROGRAM = """
import sys
from pathlib import Path
from oscarcli.__main__ import main
try:
    main()
finally:
    status = Path("/proc/self/status").read_text()
    peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    print("PEAK", *peaks, file=sys.stderr)
"""
MAX_SECONDS = 120.0


def measured(world: World, *words: str) -> tuple[int, str, int]:
    """Run the real command and return its code, what it said, and the most memory it had, in MiB."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        env=dict(world.environ),
        cwd=world.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=MAX_SECONDS,
        check=False,
    )
    said, _, peak = done.stdout.decode().rpartition("PEAK ")
    return done.returncode, said, int(peak) >> 10
