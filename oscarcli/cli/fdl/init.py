"""`init`: a first FDL and its script."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.session import Session
from oscarcli.errors import OscarError, UsageError
from oscarcli.files import usual_mode, write_atomic
from oscarcli.output.render import Result

if TYPE_CHECKING:
    from oscarcli.fdl.script_templates import ScriptTemplate

app = noun("Write a first FDL file and its script.")

FILE_MODE, SCRIPT_MODE = 0o644, 0o755


class TemplateName(str, Enum):
    """What `init` can write."""

    SHELL = "shell"
    PYTHON = "python"
    CONTAINER = "container"


@app.command("init", formats=TABLE_FORMATS)
def init(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The service's name.")],
    image: Annotated[
        str | None,
        typer.Option(
            "--image", metavar="IMAGE", help="Container image.  [default: one that fits the script]"
        ),
    ] = None,
    template: Annotated[
        TemplateName | None,
        typer.Option(
            "--template",
            metavar="[shell|python|container]",
            help="What to begin with; container brings the description of an image.  [default: shell]",
        ),
    ] = None,
    script: Annotated[
        Path | None,
        typer.Option(
            "--script", metavar="FILE", help="Write a shell script around this one, of any language."
        ),
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
    from oscarcli.fdl.fdl_template import FDL_NAME, fdl_text
    from oscarcli.fdl.script_templates import SCRIPT_NAME

    session: Session = ctx.obj
    _check_name(name)
    _check_image(image)
    if script and template:
        raise UsageError("--template writes a script and --script takes one: only one of them can be given")
    files = _around(script, name) if script else _template(template or TemplateName.SHELL, name, image)
    target = Path(name) if folder is None else folder
    texts = {FDL_NAME: fdl_text(name, image or files.image), SCRIPT_NAME: files.script, **files.others}
    _write_all(target, texts, {SCRIPT_NAME: SCRIPT_MODE}, force=force)
    fdl = target / FDL_NAME
    if session.wants_table:
        for file in texts:
            session.line(f"Wrote {target / file}")
        session.note(f"next: oscar-cli apply {fdl}")
    else:
        session.show(Result({"service": name, "fdl": str(fdl), "script": str(target / SCRIPT_NAME)}))


def _template(chosen: TemplateName, name: str, image: str | None) -> ScriptTemplate:
    from oscarcli.fdl import script_templates

    if chosen is TemplateName.SHELL:
        return script_templates.shell_template(name)
    if chosen is TemplateName.PYTHON:
        return script_templates.python_template(name)
    return script_templates.container_template(name, image)


def _around(script: Path, name: str) -> ScriptTemplate:
    """Return what stands beside the FDL for a script that is there: itself, or a shell script around it.

    Raises:
        OscarError: it cannot be read.
        UsageError: it is no text, is too large, or nothing says what runs it.
    """
    from oscarcli.fdl.interpreter import SHELL, interpreter_of
    from oscarcli.fdl.script_templates import ScriptTemplate, wrapper_template

    text = _script_text(script)
    interpreter = interpreter_of(text, script.name)
    if interpreter is None and script.suffix in ("", ".sh"):
        interpreter = SHELL
    if interpreter is None:
        hint = "let its first line name the program: #!/usr/bin/env python3"
        raise UsageError(f'nothing says which program runs "{script}"', hint=hint)
    if interpreter.is_shell:
        return ScriptTemplate(interpreter.image or SHELL.image, text)
    return wrapper_template(name, script.name, text, interpreter)


def _script_text(script: Path) -> str:
    """Return a script's text, with the line ends and without the mark that /bin/sh wants it without."""
    from oscarcli.fdl.interpreter import BYTE_ORDER_MARK
    from oscarcli.fdl.services import MAX_SCRIPT_BYTES

    try:
        with script.open("rb") as file:
            data = file.read(MAX_SCRIPT_BYTES + 1)
    except OSError as error:
        raise OscarError(f'cannot read "{script}": {error.strerror}') from error
    if len(data) > MAX_SCRIPT_BYTES:
        raise UsageError(f'"{script}" is larger than 1 MiB, more than a cluster stores')
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if not text or "\0" in text:
        raise UsageError(f'"{script}" is {"no UTF-8 text" if data else "empty"}')
    return text.removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n").replace("\r", "\n")


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
