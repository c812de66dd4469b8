"""Where a hub's services come from, as options, and the way from there to their files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.kit.session import Session
from oscarcli.errors import NotFoundError

if TYPE_CHECKING:
    from oscarcli.hub.crate import Crate
    from oscarcli.hub.files import ArchiveFiles, FolderFiles, PackageFiles
    from oscarcli.hub.lock import Lock
    from oscarcli.hub.origin import HubOrigin

OwnerOption = Annotated[str, typer.Option("--owner", metavar="NAME", help="Whose repository it is.")]
RepoOption = Annotated[str, typer.Option("--repo", metavar="NAME", help="The repository.")]
PathOption = Annotated[
    str, typer.Option("--path", metavar="FOLDER", help="The folder whose folders are the services.")
]
RefOption = Annotated[
    str | None, typer.Option("--ref", metavar="REF", help="Branch, tag or commit.  [default: main]")
]
ApiBaseOption = Annotated[
    str, typer.Option("--api-base", metavar="URL", help="Another server with the API of GitHub.", hidden=True)
]
LocalPathOption = Annotated[
    Path | None,
    typer.Option(
        "--local-path", metavar="PATH", help="A folder or file of this machine in place of the hub."
    ),
]
SlugArgument = Annotated[
    str, typer.Argument(metavar="SERVICE_SLUG", help="The service's name, as list shows it.")
]
OWNER, REPO, PATH, REF = "grycap", "oscar-hub", "crates", "main"


@dataclass(frozen=True)
class Package:
    """The files of one service.

    Args:
        files: where they are read from.
        folder: the service's folder in them.
        slug: its name in the hub.
        commit: the version; empty for a folder of this machine.
        fdl: the name of its FDL, where a file was named.
    """

    files: PackageFiles
    folder: str
    slug: str
    commit: str = ""
    fdl: str | None = None

    @cached_property
    def crate(self) -> Crate:
        """Its metadata. Raises NotFoundError when it has none, CrateError when they are malformed."""
        from dataclasses import replace

        from oscarcli.hub.crate import read_crate

        # In a folder of this machine the metadata may lie in the folder itself, which has any name.
        return replace(read_crate(self.files, self.folder), slug=self.slug)


@contextmanager
def opened_hub(session: Session, origin: HubOrigin) -> Iterator[ArchiveFiles]:
    """Give the files of an origin. Raises what `hub.github.Repository` does."""
    from oscarcli.config.private import cache_home
    from oscarcli.http.fetch import READ_SECONDS
    from oscarcli.hub.cache import ArchiveCache
    from oscarcli.hub.github import Repository

    home = cache_home(session.environ)
    token = session.environ.get("GITHUB_TOKEN", "").strip()
    session.diagnostics.hide(token)
    repository = Repository(
        origin,
        ArchiveCache(None if home is None else home / "hub"),
        token=token,
        read_seconds=session.timeout or READ_SECONDS,
        warn=session.warn,
        trace=session.trace if session.debug else lambda _text: None,
    )
    with repository as files:
        yield files


def as_pinned(session: Session, lock: Lock, slug: str, origin: HubOrigin) -> HubOrigin:
    """Return an origin at the commit of the lock, as it is when nothing is pinned."""
    from dataclasses import replace

    pinned = lock.find(slug, origin.name)
    if pinned is None or not pinned.commit:
        return origin
    session.verbose_note(f'"{slug}" is pinned to {pinned.commit} in "{lock.path}"')
    return replace(origin, ref=pinned.commit)


@contextmanager
def opened_package(
    session: Session, origin: HubOrigin, slug: str, local_path: Path | None
) -> Iterator[Package]:
    """Give one service's files, from the hub or from this machine.

    Raises:
        NotFoundError: there is no such service; the message names those that have a similar name.
    """
    if local_path is not None:
        yield _local(local_path, slug)
        return
    with opened_hub(session, origin) as files:
        names = files.folders(origin.path)
        if slug not in names:
            raise _unknown(slug, names, origin)
        folder = f"{origin.path}/{slug}" if origin.path else slug
        yield Package(files, folder, slug, files.commit)


def _unknown(slug: str, names: list[str], origin: HubOrigin) -> NotFoundError:
    from difflib import get_close_matches

    close = get_close_matches(slug.lower(), names, n=3)
    meant = f"did you mean {' or '.join(repr(name) for name in close)}? " if close else ""
    return NotFoundError(
        f'{origin.name} has no service "{slug}"', hint=f"{meant}'oscar-cli hub list' shows all of them"
    )


def local_packages(path: Path) -> tuple[FolderFiles, str]:
    """Return the files of this machine and the folder in them whose services are listed.

    Args:
        path: a folder of services, or that of one, or its metadata.

    Raises:
        NotFoundError: there is no such folder.
    """
    from oscarcli.hub.crate import METADATA
    from oscarcli.hub.files import FolderFiles

    folder = (path.parent if path.name == METADATA else path).resolve()
    if not folder.is_dir():
        raise NotFoundError(f'there is no folder "{path}"', hint="check --local-path")
    if (folder / METADATA).is_file():
        return FolderFiles(folder.parent), folder.name
    return FolderFiles(folder), ""


def _local(path: Path, slug: str) -> Package:
    """Return the package in a folder, in its folder of the service's name, or around a file of it."""
    from oscarcli.hub.files import FolderFiles

    if path.is_file():
        is_metadata = path.name == "ro-crate-metadata.json"
        return Package(FolderFiles(path.parent), "", slug, fdl=None if is_metadata else path.name)
    if not path.is_dir():
        raise NotFoundError(f'there is no file or folder "{path}"', hint="check --local-path")
    if (path / slug).is_dir() and not _has_definition(path):
        return Package(FolderFiles(path), slug, slug)
    return Package(FolderFiles(path), "", slug)


def _has_definition(folder: Path) -> bool:
    return any(entry.suffix in (".yaml", ".yml") for entry in folder.iterdir() if entry.is_file())
