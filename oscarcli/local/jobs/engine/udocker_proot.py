"""A program in front of proot, for versions of it that fail at what udocker asks of them."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

VARIABLE = "UDOCKER_USE_PROOT_EXECUTABLE"
# Told to be another kernel, proot 5.1 refuses the way in which the GNU C library from version 2.33 asks for
# the status of an open file, so that no directory is read and no library loaded. udocker always tells it so.
# There is no variable of the shell's in it: scripts would see them.
_WITHOUT_KERNEL = """#!/bin/sh
set -- "$@" {end}
while [ "$1" != -k ] && [ "$1" != {end} ]; do set -- "$@" "$1"; shift; done
[ "$1" = {end} ] || shift 2
while [ "$1" != {end} ]; do set -- "$@" "$1"; shift; done
shift
exec {proot} "$@"
"""
_END = "oscar-cli-end-of-words"


def write_wrapper(folder: Path) -> Path | None:
    """Write a program that keeps the kernel's version from the proot that udocker would use.

    Args:
        folder: where it goes; made here.

    Returns:
        The program, `None` when udocker uses one that it fetched itself, which is newer.

    Raises:
        OSError: it cannot be written.
    """
    proot = os.environ.get(VARIABLE) or shutil.which("proot")
    if proot is None or proot == "UDOCKER":
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "proot"
    draft = folder / f".proot-{os.getpid()}"
    draft.write_text(_WITHOUT_KERNEL.format(end=_END, proot=shlex.quote(proot)), encoding="utf-8")
    draft.chmod(0o755)
    draft.replace(path)
    return path
