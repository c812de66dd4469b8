"""`service export`: a running service as files that can be kept, changed and applied again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.session import Session
from oscarcli.errors import OscarError, UsageError

app = noun("Keep a running service as files.")

FDL_NAME = "fdl.yaml"
SCRIPT_NAME = "script.sh"
PRIVATE = 0o600


@app.command("export", formats=TABLE_FORMATS)
def export(
    ctx: typer.Context,
    service: Annotated[str, typer.Argument(metavar="SERVICE_NAME", help="The service's name.")],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--dir", metavar="D", help="Folder for the files; one of the service's name if omitted."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write a service's FDL and script, which applied again change nothing, and print the FDL's path."""
    from oscarcli.api.services import get_service
    from oscarcli.fdl.export import exported
    from oscarcli.output.render import to_yaml
    from oscarcli.storage.safe_paths import safe_name

    session: Session = ctx.obj
    found = exported(get_service(session.api, service), session.cluster_id, SCRIPT_NAME)
    place = folder if folder is not None else Path(safe_name(service))
    files = {SCRIPT_NAME: found.script, FDL_NAME: to_yaml(found.document)}
    if not force:
        _refuse_existing(place, files)
    for name, text in files.items():
        write_file(place / name, text, private=name == FDL_NAME and bool(found.credentials))
    for remark in found.remarks:
        session.warn(remark)
    if found.credentials:
        session.warn(
            f"{place / FDL_NAME} holds credentials ({', '.join(found.credentials)}); only you can read it"
        )
    fdl, script = str(place / FDL_NAME), str(place / SCRIPT_NAME)
    session.done(fdl, {"service": service, "fdl": fdl, "script": script})


def _refuse_existing(folder: Path, names: dict[str, str]) -> None:
    there = [str(folder / name) for name in names if os.path.lexists(folder / name)]
    if there:
        verb = "exists" if len(there) == 1 else "exist"
        raise UsageError(
            f"{' and '.join(there)} {verb} already", hint="replace with --force, or name a --dir"
        )


def write_file(path: Path, text: str, *, private: bool = False) -> None:
    """Write a file whole or not at all, making its folder.

    Args:
        path: where to; a file of that name is replaced.
        text: its content.
        private: whether nobody else may read it.

    Raises:
        OscarError: it cannot be written.
    """
    from oscarcli.files import usual_mode, write_atomic

    data = text.encode("utf-8", "replace")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data, mode=PRIVATE if private else usual_mode())
    except OSError as error:
        raise OscarError(f'cannot write "{path}": {error.strerror}') from error
