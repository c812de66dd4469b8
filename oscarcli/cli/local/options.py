"""Options that every command of `local` has: which of the local clusters, and where its data are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from oscarcli.cli.kit.session import Session
from oscarcli.cli.local.cluster_entry import find_folder
from oscarcli.errors import UsageError
from oscarcli.local.folder import DataFolder

NameOption = Annotated[
    str, typer.Option("--name", metavar="ID", help="The cluster's id, and its directory's name.")
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIRECTORY",
        help="Where its data are.  [default: as at its start, or oscar-cli/local/ID below XDG_DATA_HOME]",
        show_default=False,
    ),
]


def folder_of(session: Session, name: str, data_dir: Path | None) -> DataFolder:
    """Return the data directory of a local cluster. Raises UsageError when its id cannot be one."""
    if not name or name.startswith(".") or os.sep in name:
        raise UsageError(f'"{name}" cannot be the id of a local cluster')
    return find_folder(session, name, data_dir)
