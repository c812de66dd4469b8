"""Files of a run: input fetched before the script, results uploaded and returned after it."""

from __future__ import annotations

import base64
import os
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from oscarcli.local.jobs.classify import crashing
from oscarcli.local.jobs.engine.base import RunCancellation
from oscarcli.local.jobs.log import JobLog
from oscarcli.local.jobs.reported import ReportedError
from oscarcli.local.services.definition import MINIO_DEFAULT, S3_KINDS, provider_of
from oscarcli.local.services.unsupported import REMOTE_OUTPUTS

if TYPE_CHECKING:
    from oscarcli.local.jobs.providers.onedata_output import OnedataOutput
    from oscarcli.local.jobs.providers.webdav_output import WebDavOutput

# A multiple of three, so that the pieces of base64 join without padding.
BASE64_BLOCK = 3 << 16
WRITE_BLOCK = 1 << 16
FEW_FILES = 100


class StageError(ReportedError):
    """Input could not be fetched or a result could not be stored.

    Args:
        code: the error's code, as the supervisor's S3 client has it.
        message: the storage's words.
        operation: what was tried, by its S3 name.
        attempts: how often it was tried.
    """

    def __init__(self, code: str, message: str, operation: str, attempts: int = 1) -> None:
        retried = f" (reached max retries: {attempts - 1})" if attempts > 1 else ""
        text = f"An error occurred ({code}) when calling the {operation} operation{retried}: {message}"
        super().__init__(text, message)


class RunStorage(Protocol):
    """The objects a run may read and write."""

    def download(self, bucket: str, key: str, target: BinaryIO, before_long: Callable[[], None]) -> None:
        """Write an object to a file; call `before_long` before what may take its time.

        Raises StageError, OSError.
        """
        ...

    def upload(self, source: Path, bucket: str, key: str) -> None:
        """Store a file as an object. Raises StageError, OSError."""
        ...


@dataclass(frozen=True)
class Workspace:
    """The folders of one run, all below one that is removed at the end.

    `input` and `output` are what the script knows as TMP_INPUT_DIR and TMP_OUTPUT_DIR, `scratch` is its
    working directory, `temporary` its TMPDIR. In a container `temporary` is at `mounted`, and so are the two
    folders in it.
    """

    root: Path
    temporary: Path
    input: Path
    output: Path
    scratch: Path
    mounted: str | None = None

    @classmethod
    def create(cls, root: Path, mounted: str | None = None) -> Workspace:
        """Make the folders below `root`, which must not exist."""
        temporary, scratch = root / "tmp", root / "scratch"
        for folder in (root, temporary, scratch):
            folder.mkdir(mode=0o700)
        source, target = (Path(tempfile.mkdtemp(dir=temporary)) for _ in range(2))
        if mounted is not None:
            # Nobody else gets as far as here, and the user of an image is one of its own.
            temporary.chmod(0o1777)
            for folder in (source, target):
                folder.chmod(0o777)
        return cls(root, temporary, source, target, scratch, mounted)

    @property
    def script(self) -> str:
        """The file for the script, outside of a container."""
        return f"{self.root}/script.sh"

    @property
    def spare_input(self) -> str:
        """A file that `new_input` takes if it is there."""
        return f"{self.root}/spare-input"

    @contextmanager
    def new_input(self, path: str) -> Iterator[BinaryIO]:
        """Give a new file in the input folder to write. Raises OSError."""
        with suppress(OSError):
            os.rename(self.spare_input, path)  # noqa: PTH104
        with overwriting(path) as file:
            yield file

    @property
    def config(self) -> Path:
        """The folder with script and definition; whoever needs it makes it."""
        return self.root / "config"

    def shown(self, path: Path | str) -> str:
        """Return a path below `temporary` as the script knows it, any other as it is."""
        text = os.fspath(path)
        prefix = f"{self.temporary}/"
        if self.mounted is None or not text.startswith(prefix):
            return text
        return f"{self.mounted}/{text.removeprefix(prefix)}"


@contextmanager
def overwriting(path: str) -> Iterator[BinaryIO]:
    """Give a file to write anew; it is made when it is not there. Raises OSError.

    What it had is cut off at the end: ext4 waits for the disk with a file that was empty before.
    """
    with open(path, "wb", WRITE_BLOCK, opener=_open_with_content) as file:
        try:
            yield file
        finally:
            file.truncate()


def _open_with_content(path: str, flags: int) -> int:
    return os.open(path, flags & ~os.O_TRUNC, 0o666)


@dataclass(frozen=True)
class Destinations:
    """Where results can go.

    Args:
        storage: the cluster's objects; without them nothing is stored there, as on a real cluster.
        providers: the definition's storage providers.
        printed: gets what the supervisor's clients print, which is seen at the end of its log.
    """

    storage: RunStorage | None
    providers: Mapping[str, Any]
    printed: list[str] = field(default_factory=list)


def upload_results(
    outputs: Sequence[Mapping[str, Any]],
    workspace: Workspace,
    destinations: Destinations,
    log: JobLog,
    cancellation: RunCancellation,
) -> None:
    """Upload the results of a run to every output that takes them.

    Args:
        outputs: the definition's entries, in order.
        workspace: the run's folders.
        destinations: where the outputs are.
        log: gets the supervisor's lines; does not hold them any more if there is something to upload.
        cancellation: ends the work before an upload, by RunCancelled.

    Raises:
        ReportedError: an upload failed; what was uploaded before stays.
        SupervisorCrash: one failed in a way that ends the supervisor.
    """
    folder = workspace.output
    log.info(f"Searching for files to upload in folder '{workspace.shown(folder)}'")
    found = _uploadable_files(folder, log) if outputs else iter(())
    files = list(islice(found, FEW_FILES))
    if len(files) == FEW_FILES:
        # It takes seconds to look at a hundred thousand.
        cancellation.turn.leave()
        files += found
    if files:
        log.flush()
    for output in outputs:
        where = f"'{output['storage_provider']}' on path: '{output['path']}'"
        log.info(f"Checking files for uploading to {where}")
        send = _sender(output, destinations, log)
        for path in files if send is not None else ():
            name = str(path.relative_to(folder))
            if send is not None and is_taken(name, output):
                cancellation.check()
                with cancellation.turn.interrupted():
                    send(path, name)


def _sender(
    output: Mapping[str, Any], destinations: Destinations, log: JobLog
) -> Callable[[Path, str], None] | None:
    """Return what stores a file under a name in an output; `None` without credentials for it."""
    kind, identifier = provider_of(output)
    storage = destinations.storage
    if (kind, identifier) == MINIO_DEFAULT and storage is not None:
        return lambda path, name: _store(storage, path, name, output["path"], log)
    settings = (destinations.providers.get(kind) or {}).get(identifier)
    if settings is None or (kind, identifier) == MINIO_DEFAULT or kind not in REMOTE_OUTPUTS:
        return None
    if kind in S3_KINDS:
        opened = cache(partial(_other_storage, kind, settings))
        return lambda path, name: _store(opened(), path, name, output["path"], log)
    remote = _remote_output(kind, settings, destinations, log)
    return lambda path, name: remote.upload(path, output["path"], name)


def _other_storage(kind: str, settings: Mapping[str, Any]) -> RunStorage:
    """Return another store; the supervisor opens one when it has a file for it. Raises SupervisorCrash."""
    from oscarcli.local.jobs.providers.s3_storage import OtherStorage

    return OtherStorage(kind, settings, "a result could not be stored")


def _remote_output(
    kind: str, settings: Mapping[str, Any], destinations: Destinations, log: JobLog
) -> WebDavOutput | OnedataOutput:
    # A server starts without their libraries.
    if kind == "webdav":
        from oscarcli.local.jobs.providers.webdav_output import WebDavOutput

        return WebDavOutput(settings, destinations.printed)
    from oscarcli.local.jobs.providers.onedata_output import OnedataOutput

    return OnedataOutput(settings, log)


def _store(storage: RunStorage, path: Path, name: str, folder: str, log: JobLog) -> None:
    bucket, _, prefix = folder.partition("/")
    key = f"{prefix}/{name}" if prefix else name
    log.info(f"Uploading file '{key}' to bucket '{bucket}'")
    with crashing(f"the file {os.fsencode(name)!r} cannot be stored"):
        key.encode()
    storage.upload(path, bucket, key)


def _uploadable_files(folder: Path, log: JobLog) -> Iterator[Path]:
    """Yield what the supervisor would upload, broken links too: it fails over them."""
    for path in all_files(folder):
        if not path.exists() or stat.S_ISREG(path.stat().st_mode):
            yield path
        else:
            log.note(
                "WARNING", f"{path} is no file and passed over; on a real cluster it holds or ends the job"
            )


def all_files(folder: Path) -> Iterator[Path]:
    """Yield what is below `folder` and no folder, in order; links to folders are passed over."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            yield Path(parent, name)


def is_taken(name: str, output: Mapping[str, Any]) -> bool:
    """Tell whether an output's prefix and suffix lists admit a name; an empty list admits all."""
    prefixes, suffixes = tuple(output.get("prefix", ())), tuple(output.get("suffix", ()))
    return (not prefixes or name.startswith(prefixes)) and (not suffixes or name.endswith(suffixes))


def returned_value(workspace: Workspace) -> Iterator[bytes] | None:
    """Return the results as the supervisor hands them to the caller, `None` when there are none.

    One file is returned as base64 of its content, several as base64 of an uncompressed zip.
    """
    files = [path for path in all_files(workspace.output) if path.is_file()]
    if len(files) <= 1:
        return base64_blocks(files[0]) if files else None
    archive = workspace.root / "results.zip"
    with crashing("the results cannot be packed"), zipfile.ZipFile(archive, "w") as target:
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
