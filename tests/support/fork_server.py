"""A process that has imported the program, and forks one that runs it for each request.

A run in a fork is a process as any other: it has its own streams, signals, folder and environment, runs what
`python -m oscarcli` runs, and ends as Python ends. Only the imports were done before, once, as they cost ten
times as much as most runs. A run may also be of a script, as `python -c` runs one.

A request is one message on the socket that is the first argument, or on one that connected to the second:
five descriptors. The first is of a file with the words, the folder, the environment and the script, if it is
of one, as JSON; three are the run's streams; to the last goes what became of it, a line for the process's
number and one for its wait status.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import selectors
import socket
import sys
import threading
import types
from pathlib import Path
from typing import Any, TextIO, cast

from tests.support import botocore_files

PROGRAM = "oscarcli"
DESCRIPTORS = 5
MAX_DESCRIPTORS = 1024
# How Linux 6.1 and later is asked for them.
LARGE_PAGE = 2 * 1024 * 1024
MADV_COLLAPSE = 25
# What commands import when they need it.
LIBRARIES = (
    "botocore.awsrequest",
    "botocore.config",
    "botocore.exceptions",
    "botocore.session",
    "certifi",
    "encodings.idna",
    "encodings.utf_8_sig",
    "h11",
    "httpcore",
    "httpx",
    "keyring.backends.SecretService",
    "keyring.backends.null",
    "keyring.core",
    "nacl.public",
    "rich.console",
    "rich.markdown",
    "rich.progress",
    "rich.text",
    "socks",
    "typer._click.decorators",
    "urllib3.contrib.socks",
    "yaml",
)
# Their import is what some commands are about, or opens what a fork cannot share.
LEFT_OUT = ("__main__", "tui", "bulk")


class _Watched(dict[Any, Any]):
    """What is in the environment, and which names were asked for."""

    def __init__(self, content: dict[Any, Any]) -> None:
        super().__init__(content)
        self.asked: set[str] = set()

    def __getitem__(self, name: Any) -> Any:
        self.asked.add(os.fsdecode(name))
        return super().__getitem__(name)


def prepare() -> set[str]:
    """Import the program, and return the names of the variables that were looked at meanwhile."""
    environ: Any = os.environ
    content = environ._data
    environ._data = watched = _Watched(content)
    try:
        command_groups = importlib.import_module("tests.support.command_groups")
        package = importlib.import_module(PROGRAM)
        for module in pkgutil.walk_packages(package.__path__, f"{PROGRAM}."):
            if module.name.rpartition(".")[2] not in LEFT_OUT:
                importlib.import_module(module.name)
        for name in LIBRARIES:
            importlib.import_module(name)
        command_groups.make_once()
        command_groups.make_all()
    finally:
        environ._data = content
    return watched.asked


def use_large_pages() -> None:
    """Move memory to large pages: a fork copies the table of all pages, half of what most runs cost."""
    madvise = ctypes.CDLL(None).madvise
    for line in Path("/proc/self/maps").read_text().splitlines():
        area = line.split()
        if area[1] == "rw-p" and (len(area) == 5 or area[5] == "[heap]"):
            start, end = (int(address, 16) for address in area[0].split("-"))
            for first in range(-(-start // LARGE_PAGE) * LARGE_PAGE, end - LARGE_PAGE + 1, LARGE_PAGE):
                # Where the kernel cannot, pages stay as they are.
                madvise(ctypes.c_void_p(first), ctypes.c_size_t(LARGE_PAGE), MADV_COLLAPSE)


def serve(control: socket.socket, listener: socket.socket | None, hello: bytes) -> dict[str, Any] | None:
    """Fork for each request until the socket is closed; return in each fork, with its request.

    Args:
        control: of the process that started this one.
        listener: where others connect, if they may.
        hello: what each of them is told first.
    """
    control.send(hello)
    with selectors.DefaultSelector() as known:
        known.register(control, selectors.EVENT_READ)
        if listener is not None:
            known.register(listener, selectors.EVENT_READ)
        try:
            return _next_fork(known, control, listener, hello)
        finally:
            # A fork closes what is open itself; in the server all ends with the process.
            for key in known.get_map().values():
                if isinstance(key.fileobj, socket.socket):
                    key.fileobj.detach()


def _next_fork(
    known: selectors.BaseSelector, control: socket.socket, listener: socket.socket | None, hello: bytes
) -> dict[str, Any] | None:
    while True:
        for key, _events in known.select():
            if key.data is not None:
                known.unregister(key.fileobj)
                os.close(key.fd)
                _report(*key.data)
            elif key.fileobj is listener:
                client, _address = listener.accept()
                client.send(hello)
                known.register(client, selectors.EVENT_READ)
            else:
                client = cast("socket.socket", key.fileobj)
                descriptors = _received(client)
                if not descriptors and client is control:
                    return None
                if not descriptors:
                    known.unregister(client)
                    client.close()
                elif not (child := os.fork()):
                    return _taken(descriptors)
                else:
                    _watch(known, child, descriptors)


def _received(client: socket.socket) -> list[int]:
    """Return the descriptors of a request, none where the client has gone."""
    try:
        return socket.recv_fds(client, 1, DESCRIPTORS)[1]
    except ConnectionResetError:
        # It had not read what it was told.
        return []


def _watch(known: selectors.BaseSelector, child: int, descriptors: list[int]) -> None:
    answer = descriptors.pop()
    for descriptor in descriptors:
        os.close(descriptor)
    _write(answer, child)
    known.register(os.pidfd_open(child), selectors.EVENT_READ, (child, answer))


def _report(child: int, answer: int) -> None:
    _child, status = os.waitpid(child, 0)
    _write(answer, status)
    os.close(answer)


def _write(answer: int, number: int) -> None:
    # Who asked may have gone.
    with contextlib.suppress(BrokenPipeError):
        os.write(answer, b"%d\n" % number)


def _taken(descriptors: list[int]) -> dict[str, Any]:
    """Take a request's streams, and return the request."""
    request, *streams, _answer = descriptors
    with open(request, "rb", closefd=False) as file:
        wanted: dict[str, Any] = json.load(file)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    return wanted


def become(wanted: dict[str, Any]) -> None:
    """Make of this process what a new one would be that was started with this request."""
    os.closerange(3, MAX_DESCRIPTORS)
    if wanted["new_session"]:
        os.setsid()
    os.chdir(wanted["cwd"])
    os.environ.clear()
    os.environ.update(wanted["env"])
    streams = (_stream(0, "r", sys.stdin), _stream(1, "w", sys.stdout), _stream(2, "w", sys.stderr))
    for name, stream in zip(("stdin", "stdout", "stderr"), streams, strict=True):
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.path[:1] = [str(Path.cwd()), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    script = wanted["script"]
    how = ["-m", PROGRAM] if script is None else ["-c", script]
    sys.argv = ["" if script is None else "-c", *wanted["words"]]
    sys.orig_argv = [sys.executable, *how, *wanted["words"]]


def _stream(descriptor: int, mode: str, former: TextIO) -> TextIO:
    """Open a stream as Python does when it starts; the same locale has decided on encoding and errors."""
    binary: Any = open(descriptor, f"{mode}b", closefd=False)  # noqa: SIM115 -- lives as long as the process
    binary.raw.name = former.name
    text = io.TextIOWrapper(
        binary,
        former.encoding,
        former.errors,
        newline="\n",
        line_buffering=descriptor == 2 or binary.isatty(),
    )
    text.mode = mode  # type: ignore[misc]
    return text


def run(script: str | None) -> None:
    """Run the program as `python -m` does, or a script as `python -c` does.

    An end with a number leaves as the interpreter does, but for the destruction of all modules, which takes
    longer than most runs. Every other end is left to the interpreter.
    """
    try:
        if script is None:
            runpy._run_module_as_main(PROGRAM)  # type: ignore[attr-defined]
        else:
            module = sys.modules["__main__"] = types.ModuleType("__main__")
            exec(compile(script, "<string>", "exec"), module.__dict__)
    except SystemExit as ending:
        if not isinstance(ending.code, int | None):
            raise
        code = ending.code or 0
    else:
        code = 0
    _leave(code)


def _leave(code: int) -> None:
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    # What was left in circles is destroyed, so that a resource that nobody closed is told of.
    gc.collect()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code & 0xFF)
    # The interpreter fails to flush too, and says so.
    raise SystemExit(code)


def main(control: socket.socket, listener: socket.socket | None = None) -> None:
    """Tell which variables the imports depend on and what was imported, then serve."""
    asked = prepare()
    botocore_files.read_once()
    botocore_files.read_those_of_s3()
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise SystemExit("a fork has one thread: one of the imports has started others")
    gc.collect()
    gc.freeze()
    use_large_pages()
    imported = {name.partition(".")[0] for name in sys.modules}
    hello = json.dumps({"asked": sorted(asked), "imported": sorted(imported)}).encode()
    wanted = serve(control, listener, hello)
    if wanted is not None:
        become(wanted)
        run(wanted["script"])


if __name__ == "__main__":
    main(*(socket.socket(fileno=int(number)) for number in sys.argv[1:]))
