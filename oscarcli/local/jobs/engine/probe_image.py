"""The smallest image there is, to find out whether an engine works: programs that end at once."""

from __future__ import annotations

import io
import platform
import struct
import tarfile
from collections.abc import Iterable
from pathlib import Path

from oscarcli.local.images.unpack import add_file

PROGRAM = "true"
# Fails where programs of the GNU C library from version 2.33 on cannot ask for the status of an open file.
STATUS_PROGRAM = "status"
# exit(0) by a system call, so that nothing has to be beside it.
_CODE = {
    # mov eax, 60; xor edi, edi; syscall
    "x86_64": (0x3E, bytes.fromhex("b83c000000 31ff 0f05")),
    # mov x8, #93; mov x0, #0; svc #0
    "aarch64": (0xB7, bytes.fromhex("a80b80d2 000080d2 010000d4")),
}
# exit(-newfstatat(AT_FDCWD, "", buffer on the stack, AT_EMPTY_PATH))
_STATUS_CODE = {
    # mov edi, -100; lea rsi, [the 0 at the end]; sub rsp, 512; mov rdx, rsp; mov r10d, 0x1000; mov eax, 262;
    # syscall; neg eax; mov edi, eax; mov eax, 60; syscall
    "x86_64": bytes.fromhex(
        "bf9cffffff 488d3522000000 4881ec00020000 4889e2 41ba00100000 b806010000"
        "0f05 f7d8 89c7 b83c000000 0f05 00"
    ),
    # movn x0, #99; adr x1, the 0 at the end; sub sp, sp, #512; mov x2, sp; mov x3, #0x1000; mov x8, #79;
    # svc #0; neg x0, x0; mov x8, #93; svc #0
    "aarch64": bytes.fromhex(
        "600c8092 21010010 ff0308d1 e2030091 030082d2 e80980d2 010000d4 e00300cb a80b80d2 010000d4 00"
    ),
}
_LOAD_ADDRESS = 0x400000
_HEADER_SIZE, _SEGMENT_SIZE = 64, 56
# Where engines mount what every container has.
FOLDERS = ("dev", "etc", "home", "proc", "root", "sys", "tmp")


def program() -> bytes:
    """Return the program for this machine. Raises NotImplementedError for an unknown kind of processor."""
    return _executable(*_CODE[_machine()])


def status_program() -> bytes:
    """Return the one that asks for a status. Raises NotImplementedError for an unknown kind of processor."""
    return _executable(_CODE[_machine()][0], _STATUS_CODE[_machine()])


def _machine() -> str:
    machine = platform.machine()
    if machine not in _CODE:
        raise NotImplementedError(f"there is no test program for the processor {machine}")
    return machine


def _executable(number: int, code: bytes) -> bytes:
    """Return code as a file for a kind of processor."""
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
            STATUS_PROGRAM: status_program(),
            "etc/passwd": b"root:x:0:0::/root:/true\n",
            "etc/group": b"root:x:0:\n",
        }
        for name, data in content.items():
            add_file(target, name, data, 0o755)
    return buffer.getvalue()
