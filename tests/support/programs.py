"""The machine's programs without its container engines.

`doctor` starts a container with every engine that it finds. That takes a second of processor time, and what
it finds depends on the machine. Tests that are about engines look for them on the machine's own PATH.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from pathlib import Path

from oscarcli.local.jobs.engine.selection import KINDS

ENGINES = {kind.program for kind in KINDS.values()}


@functools.cache
def path_without_engines() -> str:
    """Return a PATH of links to all programs but engines; the links go with this process."""
    links = Path(tempfile.mkdtemp(prefix="programs"))
    atexit.register(shutil.rmtree, links, ignore_errors=True)
    for folder in os.environ["PATH"].split(os.pathsep):
        if Path(folder).is_dir():
            _link(Path(folder), links)
    return str(links)


def _link(folder: Path, links: Path) -> None:
    for program in folder.iterdir():
        link = links / program.name
        if program.name in ENGINES or os.path.lexists(link) or not os.access(program, os.X_OK):
            continue
        if program.name.startswith("python"):
            # Through a link Python does not find the environment that it belongs to.
            link.write_text(f'#!/bin/sh\nexec "{program}" "$@"\n')
            link.chmod(0o755)
        else:
            link.symlink_to(program)
