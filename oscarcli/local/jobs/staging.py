"""Files of a run: input fetched before the script, results uploaded and returned after it."""

from __future__ import annotations

import base64
import mimetypes
import os
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from oscarcli.local.jobs.log import JobLog
from oscarcli.local.services.definition import MINIO_DEFAULT, place_of

# A multiple of three, so that the pieces of base64 join without padding.
BASE64_BLOCK = 3 << 16


class StageError(Exception):
    """Input could not be fetched or a result could not be stored; the text is the storage's."""


class Storage(Protocol):
    """The objects a run may read and write."""

    user: str

    def download(self, bucket: str, key: str, target: Path) -> None:
        """Write an object to a new file. Raises StageError, OSError."""
        ...

    def upload(self, source: Path, bucket: str, key: str, content_type: str | None) -> None:
        """Store a file as an object. Raises StageError, OSError."""
        ...


@dataclass(frozen=True)
class Workspace:
    """The folders of one run, all below one that is removed at the end.

    `input` and `output` are what the script knows as TMP_INPUT_DIR and TMP_OUTPUT_DIR, `scratch` is its
    working directory, `temporary` its TMPDIR.
    """

    root: Path
    temporary: Path
    input: Path
    output: Path
    scratch: Path

    @classmethod
    def create(cls, root: Path) -> Workspace:
        """Make the folders below `root`, which must not exist."""
        temporary, scratch = root / "tmp", root / "scratch"
        for folder in (root, temporary, scratch):
            folder.mkdir(mode=0o700)
        source, target = (Path(tempfile.mkdtemp(dir=temporary)) for _ in range(2))
        return cls(root, temporary, source, target, scratch)


def upload_results(
    outputs: Sequence[Mapping[str, Any]],
    folder: Path,
    storage: Storage | None,
    log: JobLog,
    before_each: Callable[[], None],
) -> None:
    """Upload the files below `folder` to every output that takes them.

    Args:
        outputs: the definition's entries, in order.
        folder: TMP_OUTPUT_DIR.
        storage: where the outputs are; without one nothing is stored, as on a real cluster.
        log: gets the supervisor's lines.
        before_each: called before each upload; an exception from it ends the work.

    Raises:
        StageError: an upload failed; what was uploaded before stays.
    """
    log.info(f"Searching for files to upload in folder '{folder}'")
    for output in outputs:
        place = place_of(output)
        if storage is None or place.provider != MINIO_DEFAULT:
            continue
        log.info(f"Checking files for uploading to 'MINIO' on path: '{output['path']}'")
        for path in regular_files(folder):
            name = object_name(path, folder)
            if not is_taken(name, output):
                continue
            before_each()
            key = f"{place.prefix}{name}"
            log.info(f"Uploading file '{key}' to bucket '{place.bucket}'")
            _upload(storage, path, place.bucket, key)


def _upload(storage: Storage, path: Path, bucket: str, key: str) -> None:
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise StageError(f"the file name {os.fsencode(path.name)!r} is not UTF-8") from error
    try:
        storage.upload(path, bucket, key, mimetypes.guess_type(path.name)[0])
    except OSError as error:
        raise StageError(str(error)) from error


def regular_files(folder: Path) -> Iterator[Path]:
    """Yield the files below `folder`, in order; links to files count, links to folders are passed over."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            # A pipe would be waited on for ever.
            if path.exists() and stat.S_ISREG(path.stat().st_mode):
                yield path


def object_name(path: Path, folder: Path) -> str:
    """Return what is appended to an output's folder to make the key of a file."""
    return str(path.relative_to(folder)).strip().lstrip("/")


def is_taken(name: str, output: Mapping[str, Any]) -> bool:
    """Tell whether an output's prefix and suffix lists admit a name; an empty list admits all."""
    prefixes, suffixes = tuple(output.get("prefix", ())), tuple(output.get("suffix", ()))
    return (not prefixes or name.startswith(prefixes)) and (not suffixes or name.endswith(suffixes))


def returned_value(workspace: Workspace) -> Iterator[bytes] | None:
    """Return the results as the supervisor hands them to the caller, `None` when there are none.

    One file is returned as base64 of its content, several as base64 of an uncompressed zip.
    """
    files = list(regular_files(workspace.output))
    if not files:
        return None
    if len(files) == 1:
        return base64_blocks(files[0])
    archive = workspace.root / "results.zip"
    with zipfile.ZipFile(archive, "w", strict_timestamps=False) as target:
        for path in files:
            target.write(path, str(path.relative_to(workspace.output)))
    return base64_blocks(archive)


def base64_blocks(path: Path) -> Iterator[bytes]:
    """Yield a file's content as base64, in blocks."""
    with path.open("rb") as file:
        while block := _read_exactly(file.read, BASE64_BLOCK):
            yield base64.b64encode(block)


def _read_exactly(read: Callable[[int], bytes], size: int) -> bytes:
    pieces = b""
    while len(pieces) < size and (piece := read(size - len(pieces))):
        pieces += piece
    return pieces
