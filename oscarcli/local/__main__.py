"""The server as a process of its own: `python -m oscarcli.local --data-dir DIRECTORY ...`.

It is started by `oscar-cli local start`, which waits on a pipe for one line of JSON: that the server
answers, or why it does not.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from oscarcli.errors import OscarError
from oscarcli.local.folder import DataFolder, FolderTakenError
from oscarcli.local.options import LOOPBACK, PULL_MISSING, Binding, Options
from oscarcli.local.server import begin_log, serve


def main(words: Sequence[str] | None = None) -> int:
    """Run a server until it is told to stop; return the process's exit code."""
    arguments = _parser().parse_args(words)
    begin_log()
    try:
        serve(
            DataFolder(arguments.data_dir),
            Binding(arguments.bind, arguments.port, arguments.s3_port, tuple(arguments.allow_host)),
            _options(arguments),
            lambda _endpoints: _tell(arguments.ready_fd, {}),
        )
    except OscarError as error:
        taken = isinstance(error, FolderTakenError)
        if arguments.ready_fd is None or not taken:
            # Detached, this goes to the server's log, which belongs to another one when it has the folder.
            logging.error("%s", error.message)
        _tell(arguments.ready_fd, {"error": error.message, "hint": error.hint, "taken": taken})
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m oscarcli.local", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--bind", default=LOOPBACK)
    parser.add_argument("--allow-host", action="append", default=[])
    parser.add_argument("--port", type=int)
    parser.add_argument("--s3-port", type=int)
    parser.add_argument("--engine", default="host")
    parser.add_argument("--pull", default=PULL_MISSING)
    parser.add_argument("--parallel", type=int, default=0)
    for flag in ("--strict", "--strict-exit", "--sync-store", "--users"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--ready-fd", type=int, help="descriptor that gets the line of JSON")
    return parser


def _options(arguments: argparse.Namespace) -> Options:
    return Options(
        engine=arguments.engine,
        pull=arguments.pull,
        parallel=arguments.parallel,
        strict=arguments.strict,
        strict_exit=arguments.strict_exit,
        sync_store=arguments.sync_store,
        users=arguments.users,
    )


def _tell(descriptor: int | None, document: dict[str, object]) -> None:
    if descriptor is not None:
        with os.fdopen(descriptor, "w") as pipe:
            pipe.write(json.dumps(document) + "\n")


if __name__ == "__main__":
    sys.exit(main())
