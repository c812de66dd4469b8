"""Which program a script is written for: by its first line, else by the end of its file's name."""

from __future__ import annotations

import re
from dataclasses import dataclass

BYTE_ORDER_MARK = "\ufeff"
SHELLS = frozenset({"sh", "ash", "bash", "dash", "ksh", "mksh", "zsh", "busybox"})


@dataclass(frozen=True)
class Interpreter:
    """A program that runs scripts.

    Args:
        command: how it is called, words for a shell: `python3 -u`.
        image: a public image that has it; nothing when none is known.
    """

    command: str
    image: str = ""

    @property
    def program(self) -> str:
        """The program's name without its folder and its options."""
        return self.command.split()[0].rpartition("/")[2]

    @property
    def is_shell(self) -> bool:
        """Whether `/bin/sh` understands what it runs, as far as a name can tell."""
        return self.program in SHELLS


SHELL = Interpreter("/bin/sh", "alpine:3")
PYTHON = Interpreter("python3", "python:3-slim")
_BY_SUFFIX = {
    ".jl": Interpreter("julia", "julia:1"),
    ".js": Interpreter("node", "node:lts-slim"),
    ".pl": Interpreter("perl", "perl:5-slim"),
    ".py": PYTHON,
    ".r": Interpreter("Rscript", "r-base:latest"),
    ".rb": Interpreter("ruby", "ruby:3-slim"),
}
_IMAGES = {known.program: known.image for known in _BY_SUFFIX.values()} | {"python": PYTHON.image}
# `#!/usr/bin/env -S python3 -u` and `#!/usr/bin/env python3` name what stands behind env.
_ENV = re.compile(r"^\S*/env\s+(?:-S\s*)?(?=\S)")


def interpreter_of(text: str, name: str = "") -> Interpreter | None:
    """Tell which program a script is for, `None` when nothing says so.

    Args:
        text: the script.
        name: its file's name.
    """
    line = text.removeprefix(BYTE_ORDER_MARK).partition("\n")[0].strip()
    if line.startswith("#!"):
        command = _ENV.sub("", line[2:].strip())
        if command:
            found = Interpreter(command)
            return Interpreter(command, _IMAGES.get(found.program, ""))
    suffix = name[name.rfind(".") :].lower() if "." in name else ""
    return _BY_SUFFIX.get(suffix)
