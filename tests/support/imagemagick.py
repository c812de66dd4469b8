"""ImageMagick of this machine as files of an image: the program, its libraries, its reader of PNG."""

from __future__ import annotations

import re
import shutil
import subprocess
import zlib
from pathlib import Path

# Debian's name for the program itself; `convert` may be anything.
PROGRAM = "convert-im6.q16"
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")
_CHUNK_ENDS = 12
# What ImageMagick writes of the input file's time.
_DATED = (b"tEXt", b"tIME")


def missing_imagemagick() -> str | None:
    """Return why there is none here, `None` when there is."""
    if shutil.which(PROGRAM) is None:
        return f"there is no {PROGRAM} here; apt install imagemagick"
    return None


def imagemagick_files() -> dict[str, bytes]:
    """Return the files by their paths in an image."""
    program = Path(shutil.which(PROGRAM) or "")
    libraries = _libraries(program)
    (core,) = (path for path in libraries if path.name.startswith("libMagickCore"))
    files = {"usr/bin/convert": program.read_bytes()}
    # The loader may have found it by `/lib`, a link.
    (coders,) = core.parent.resolve().glob("ImageMagick-*/modules-*/coders")
    for name in ("png.la", "png.so"):
        files[_place(coders / name)] = (coders / name).read_bytes()
    for path in {*libraries, *_libraries(coders / "png.so")}:
        place = "lib64" if path.name.startswith("ld-linux") else f"lib/{core.parent.name}"
        files[f"{place}/{path.name}"] = path.read_bytes()
    return files


def _libraries(file: Path) -> list[Path]:
    shown = subprocess.run(["ldd", file], capture_output=True, text=True, check=True).stdout
    return [Path(path) for path in _LIBRARY.findall(shown)]


def _place(path: Path) -> str:
    """Return where a file below `usr/lib` is in an image."""
    return "usr/lib/" + str(path).partition("/usr/lib/")[2]


def undated(picture: bytes) -> bytes:
    """Return a PNG without what it says of times."""
    kept, rest = picture[:8], picture[8:]
    while rest:
        size = int.from_bytes(rest[:4], "big") + _CHUNK_ENDS
        kind, data, check = rest[4:8], rest[8 : size - 4], rest[size - 4 : size]
        assert zlib.crc32(kind + data).to_bytes(4, "big") == check
        if kind not in _DATED:
            kept += rest[:size]
        rest = rest[size:]
    return kept
