"""`init`: a first FDL and its script."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.session import Session
from oscarcli.errors import OscarError, UsageError
from oscarcli.files import usual_mode, write_atomic
from oscarcli.output.render import Result

app = noun("Write a first FDL file and its script.")

FILE_MODE, SCRIPT_MODE = 0o644, 0o755


@app.command("init", formats=TABLE_FORMATS)
def init(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The service's name.")],
    image: Annotated[
        str | None, typer.Option("--image", metavar="IMAGE", help="Container image.  [default: alpine:3]")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--dir", metavar="DIRECTORY", help="Where to write them.  [default: a new one, called NAME]"
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
) -> None:
    """Write a commented FDL file and a script, which can be applied as they are."""
    from oscarcli.fdl.template import FDL_NAME, SCRIPT_NAME, fdl_text, script_text

    session: Session = ctx.obj
    _check_name(name)
    _check_image(image)
    target = Path(name) if folder is None else folder
    texts = {
        FDL_NAME: fdl_text(name, image) if image else fdl_text(name),
        SCRIPT_NAME: script_text(name),
    }
    _write_all(target, texts, {SCRIPT_NAME: SCRIPT_MODE}, force=force)
    fdl = target / FDL_NAME
    if session.wants_table:
        for file in texts:
            session.line(f"Wrote {target / file}")
        session.note(f"next: oscar-cli apply {fdl}")
    else:
        session.show(Result({"service": name, "fdl": str(fdl), "script": str(target / SCRIPT_NAME)}))


def _check_name(name: str) -> None:
    from oscarcli.fdl.rules import name_error

    wrong = name_error(name)
    if wrong is None and name[0].isdigit():
        wrong = f'"{name}" starts with a digit, which many clusters refuse'
    if wrong:
        raise UsageError(wrong)


def _check_image(image: str | None) -> None:
    if image is not None and (not image or not image.isprintable() or " " in image):
        raise UsageError("an image has a name without blanks, such as alpine:3")


def _write_all(folder: Path, texts: Mapping[str, str], modes: Mapping[str, int], *, force: bool) -> None:
    """Write files, all or none as far as can be told before. Raises OscarError."""
    there = [str(folder / name) for name in texts if (folder / name).is_symlink() or (folder / name).exists()]
    if there and not force:
        raise UsageError(f"not overwritten: {', '.join(there)}", hint="--force replaces files")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            mode = usual_mode(modes.get(name, FILE_MODE))
            write_atomic(folder / name, text.encode(), mode=mode, may_replace=force)
    except OSError as error:
        place = error.filename or folder
        raise OscarError(f'cannot write "{place}": {error.strerror}') from error
