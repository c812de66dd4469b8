"""The smallest image there is, to find out whether an engine works: one program that ends at once."""

from __future__ import annotations

import io
import platform
import struct
import tarfile
from collections.abc import Iterable
from pathlib import Path

PROGRAM = "true"
# exit(0) by a system call, so that nothing has to be beside it.
_CODE = {
    # mov eax, 60; xor edi, edi; syscall
    "x86_64": (0x3E, bytes.fromhex("b83c000000 31ff 0f05")),
    # mov x8, #93; mov x0, #0; svc #0
    "aarch64": (0xB7, bytes.fromhex("a80b80d2 000080d2 010000d4")),
}
_LOAD_ADDRESS = 0x400000
_HEADER_SIZE, _SEGMENT_SIZE = 64, 56
# Where engines mount what every container has.
FOLDERS = ("dev", "etc", "home", "proc", "root", "sys", "tmp")


def program() -> bytes:
    """Return the program for this machine. Raises NotImplementedError for an unknown kind of processor."""
    machine = platform.machine()
    if machine not in _CODE:
        raise NotImplementedError(f"there is no test program for the processor {machine}")
    number, code = _CODE[machine]
    start = _HEADER_SIZE + _SEGMENT_SIZE
    size = start + len(code)
    header = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    # An executable file with one segment, which is loaded whole and begins with these headers.
    header += struct.pack(
        "<HHIQQQIHHHHHH",
        *(2, number, 1, _LOAD_ADDRESS + start, _HEADER_SIZE, 0, 0),
        *(_HEADER_SIZE, _SEGMENT_SIZE, 1, 0, 0, 0),
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _LOAD_ADDRESS, _LOAD_ADDRESS, size, size, 0x1000)
    return header + segment + code


def write_tree(root: Path, folders: Iterable[str]) -> None:
    """Make some folders and the program below `root`. Raises NotImplementedError, OSError."""
    for name in folders:
        (root / name).mkdir(parents=True)
    path = root / PROGRAM
    path.write_bytes(program())
    path.chmod(0o755)


def archive() -> bytes:
    """Return the image's files as a tar archive. Raises NotImplementedError."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as target:
        for name in FOLDERS:
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            target.addfile(folder)
        content = {
            PROGRAM: program(),
            "etc/passwd": b"root:x:0:0::/root:/true\n",
            "etc/group": b"root:x:0:\n",
        }
        for name, data in content.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755
            target.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
