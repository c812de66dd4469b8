"""`version`: which program this is."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import typer

from oscarcli import __version__
from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.session import Session

app = noun("The version of this program.")

UNKNOWN_COMMIT = "unknown"


@app.command("version, v", formats=TABLE_FORMATS)
def version(ctx: typer.Context) -> None:
    """Show the version of this program."""
    session: Session = ctx.obj
    document = {"version": __version__, "git_commit": git_commit()}
    if session.wants_table:
        session.line(f"version: {document['version']}")
        session.line(f"git commit: {document['git_commit']}")
    else:
        from oscarcli.output.render import Result

        session.show(Result(document))


def git_commit() -> str:
    """Return the commit this program was installed from, or "unknown"."""
    return _installed_commit() or _checked_out_commit() or UNKNOWN_COMMIT


def _installed_commit() -> str | None:
    """Ask the installer: it records where a package came from (PEP 610)."""
    try:
        record = json.loads(metadata.distribution("oscar-cli").read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        return None
    commit = record.get("vcs_info", {}).get("commit_id")
    return commit if isinstance(commit, str) else None


def _checked_out_commit() -> str | None:
    """Read the commit of the checkout that this file lies in, if it does."""
    git = Path(__file__).parents[2] / ".git"
    try:
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if head.startswith("ref: "):
            head = (git / head.removeprefix("ref: ")).read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return head or None
