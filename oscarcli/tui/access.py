"""What the full-screen interface is given by the command that starts it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from oscarcli.config.model import Cluster

if TYPE_CHECKING:
    from oscarcli.api.client import Client
    from oscarcli.storage.base import Storage


@dataclass(frozen=True)
class PaletteCommand:
    """A command of the command line, as the palette offers it.

    Args:
        path: its words, such as "service delete".
        help: what it does, in one line.
        arguments: what its usage line has behind the words, such as `SERVICE_NAME...`.
        takes_cluster: whether it is about a cluster, so that `-c ID` belongs to it.
    """

    path: str
    help: str
    arguments: tuple[str, ...] = ()
    takes_cluster: bool = True


@dataclass(frozen=True)
class Access:
    """The way to clusters and commands.

    Args:
        clusters: those on record, by id.
        start: the cluster to begin with; `None` to begin with the list.
        connect: gives the client of a cluster; called in any thread.
        reread: brings `clusters` up to date, when a command changed them; called in any thread.
        mask: gives a text without the secrets that were used.
        commands: those of the palette.
        program: the words that start the program, before those of a command.
        folder: where downloads go.
        environ: environment variables for commands.
        refresh_seconds: between two looks at what is shown; 0 for none.
        is_web: whether a browser shows it, which can hand its screen to no other program.
    """

    clusters: Mapping[str, Cluster]
    start: str | None
    connect: Callable[[str], Client]
    mask: Callable[[str], str]
    reread: Callable[[], None] = lambda: None
    commands: Sequence[PaletteCommand] = ()
    program: Sequence[str] = ()
    folder: Path = field(default_factory=Path.cwd)
    environ: Mapping[str, str] = field(default_factory=dict)
    refresh_seconds: float = 5.0
    is_web: bool = False

    def store(self, cluster: str) -> Storage:
        """Return the object store of a cluster; nothing but its address and keys is asked for."""
        from oscarcli.jobs.service_storage import storage_at
        from oscarcli.storage.provider import DEFAULT_PROVIDER

        return storage_at(
            self.connect(cluster),
            DEFAULT_PROVIDER,
            {},
            tls=self.clusters[cluster].tls,
            timeout=MAX_STORE_SECONDS,
            tell=lambda _text: None,
        )


# Seconds that a store may keep silent before somebody who looks at a list is told.
MAX_STORE_SECONDS = 15.0
