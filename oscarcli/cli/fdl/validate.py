"""`validate`: everything that is wrong with FDL files, found without a cluster."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.session import Session
from oscarcli.errors import ConfigError, UsageError
from oscarcli.output.render import Format, Result

if TYPE_CHECKING:
    from oscarcli.fdl.findings import Finding
    from oscarcli.fdl.read import Inspection

app = noun("Check FDL files without a cluster.")


@app.command("validate", formats=TABLE_FORMATS)
def validate(
    ctx: typer.Context,
    fdl_files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FDL_FILE]...", help="Files, YAML or JSON; - for standard input."),
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Write the JSON Schema of an FDL, for editors, and end.")
    ] = False,
) -> None:
    """Check FDL files without a cluster, and tell every mistake with its line.

    The exit code is 0 when no file has a mistake, else 3; warnings are none. For editors with a YAML
    language server, '# yaml-language-server: $schema=FILE' in an FDL names a file with the schema.
    """
    session: Session = ctx.obj
    if schema:
        if fdl_files:
            raise UsageError("--schema takes no files")
        _show_schema(session)
        return
    if not fdl_files:
        raise UsageError("name the files to check")
    _check(session, fdl_files)


def _show_schema(session: Session) -> None:
    from oscarcli.fdl.json_schema import json_schema

    # A schema has no other form for people than that for editors.
    if session.wants_table:
        session.output = Format.JSON.value
    session.show(Result(json_schema()))


def _check(session: Session, paths: Sequence[str]) -> None:
    documents = [_checked(session, path) for path in dict.fromkeys(paths)]
    wrong = [document for document in documents if not document["valid"]]
    if not session.wants_table:
        session.show(Result({"valid": not wrong, "files": documents}))
    if wrong:
        count = sum(len(document["mistakes"]) for document in wrong)
        mistakes = f"{count} mistake{'s' if count > 1 else ''}"
        raise ConfigError(
            f"{mistakes} in {wrong[0]['file']}"
            if len(documents) == 1
            else f"{mistakes} in {len(wrong)} of {len(documents)} files"
        )


def _checked(session: Session, path: str) -> dict[str, Any]:
    """Check a file, tell what was found when a person reads it, and return it as a document."""
    from oscarcli.fdl.read import inspect

    try:
        found = inspect(path, standard_input=getattr(sys.stdin, "buffer", None))
    except ConfigError as error:
        if session.wants_table:
            session.mark(error.message, done=False)
        mistake = {"line": 0, "path": "", "text": error.message}
        return {"file": path, "valid": False, "services": [], "mistakes": [mistake], "warnings": []}
    if session.wants_table:
        _tell(session, found)
    return {
        "file": found.label,
        "valid": not found.mistakes,
        "services": [
            {"name": service.name, "cluster": service.cluster_key, "line": service.line}
            for service in found.services
        ],
        "mistakes": [_document(finding) for finding in found.mistakes],
        "warnings": [_document(finding) for finding in found.warnings],
    }


def _tell(session: Session, found: Inspection) -> None:
    names = ", ".join(service.name for service in found.services if service.name)
    count = len(found.mistakes)
    said = f"{count} mistake{'s' if count > 1 else ''}" if count else names
    session.mark(f"{found.label}: {said}", done=not count)
    lines = [(finding, "") for finding in found.mistakes]
    lines += [(finding, "warning") for finding in found.warnings]
    for finding, kind in sorted(lines):
        session.line(finding.told(kind))


def _document(finding: Finding) -> dict[str, Any]:
    return {"line": finding.line, "path": finding.path, "text": finding.text}
