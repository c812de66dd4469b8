"""A program that stands for docker, apptainer or singularity: it knows their documented options alone.

It writes its arguments down and runs the script of `run` or `exec` on this machine, with the paths that were
mounted put in place of those inside. What the real programs do with a container it does not do.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

# From the manuals: `docker run`, `docker image inspect`, ... (27), `apptainer exec`, `pull` (1.3).
OPTIONS = {
    "docker": {
        "run": {
            *(
                "--rm",
                "--pull",
                "--log-driver",
                "--entrypoint",
                "--name",
                "--hostname",
                "--volume",
                "--memory",
            ),
            *("--cpus", "--gpus", "--env", "--network", "--user", "--publish"),
        },
        "create": {"--pull", "--name"},
        "container": {"--format"},
        "image": set(),
        "import": set(),
        "load": {"--quiet", "--input"},
        "pull": set(),
        "rm": {"--force"},
        "rmi": set(),
    },
    "apptainer": {
        "exec": {"--compat", "--pwd", "--bind", "--nv", "--memory", "--cpus"},
        "run": {"--compat", "--pwd", "--bind", "--nv", "--memory", "--cpus"},
        "pull": {"--force"},
    },
}
OPTIONS["singularity"] = OPTIONS["apptainer"]
IMAGE = {"Id": "sha256:" + "1" * 64, "RepoDigests": ["x@sha256:" + "2" * 64], "Size": 5}


def main() -> int:
    """Check the arguments and act."""
    name, words = Path(sys.argv[0]).name, sys.argv[1:]
    with open(os.environ["RECORDED"], "a") as file:  # noqa: PTH123
        file.write(json.dumps([name, *words]) + "\n")
    if words == ["--version"]:
        sys.stdout.write(f"{name} version 9.8.7, build x\n")
        return 0
    words = [word for word in words if word not in ("--quiet", "--nocolor")] if name != "docker" else words
    command, *rest = words
    options = [word for word in rest if word.startswith("--")]
    # What follows the image is the script's.
    first = next((n for n, word in enumerate(rest) if not word.startswith("-")), len(rest))
    for option in options[:first]:
        if option.partition("=")[0] not in OPTIONS[name][command]:
            sys.stderr.write(f"unknown flag: {option}\n")
            return 125
    return act(command, rest[:first], rest[first:])


def act(command: str, options: list[str], words: list[str]) -> int:
    """Do what a command is for, as far as a test needs it."""
    if command == "image":
        sys.stdout.write(json.dumps([IMAGE]))
        return 0
    if command == "container":
        sys.stdout.write("bridge\n")
    if command == "pull" and words[0].endswith(".sif"):
        Path(words[0]).write_bytes(b"sif")
    if command not in ("run", "exec") or len(words) < 3:
        sys.stdin.read()
        return 0
    binds = [o.partition("=")[2].split(":") for o in options if o.startswith(("--volume=", "--bind="))]
    inside = {f"{parts[1]}/": f"{parts[0]}/" for parts in binds}
    environ = dict(os.environ)
    for option in options:
        if option.startswith("--env="):
            key, equal, value = option.removeprefix("--env=").partition("=")
            environ[key] = value if equal else environ[key]
    for key in list(environ):
        for prefix in ("APPTAINERENV_", "SINGULARITYENV_"):
            if key.startswith(prefix):
                environ[key.removeprefix(prefix)] = environ.pop(key)
    for target, source in inside.items():
        environ = {key: value.replace(target, source) for key, value in environ.items()}
        words = [word.replace(target, source) if word.startswith(target) else word for word in words]
    # The image, its shell if that is no option, and what the shell gets.
    shell = [word for word in words[1:] if word != "/bin/sh"]
    return subprocess.run(["/bin/sh", *shell], env=environ, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
