"""`service edit`: change a running service in an editor."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oscarcli.cli.kit.command import noun
from oscarcli.cli.kit.session import Session
from oscarcli.errors import ConfigError, NotFoundError, OscarError, RefusedError, UsageError

if TYPE_CHECKING:
    from oscarcli.fdl.service import ServiceDefinition

app = noun("Change a running service.")

Service = dict[str, Any]
SCRIPT_NAMES = ("the script as it is", "the script as it will be")


@app.command("edit")
def edit(
    ctx: typer.Context,
    service: Annotated[str, typer.Argument(metavar="SERVICE_NAME", help="The service's name.")],
) -> None:
    """Open a running service's FDL in $VISUAL or $EDITOR, and apply what was changed.

    When the file is wrong or the server refuses it, the file is kept and named.
    """
    from oscarcli.api.services import get_service
    from oscarcli.cli.service.editable_text import editable_text
    from oscarcli.fdl.export import exported

    session: Session = ctx.obj
    command = _editor(session)
    stored = get_service(session.api, service)
    found = exported(stored, session.cluster_id)
    for remark in found.remarks:
        session.note(remark)
    text = editable_text(found, session.cluster_id)
    with _draft(session, text) as path:
        _run_editor(session, command, path)
        if not _is_edited(path, text) or not path.read_text(errors="replace").strip():
            session.line(f'Service "{service}" unchanged')
            return
        wanted = _wanted(session, path, stored)
        if not _show_difference(session, stored, wanted):
            session.line(f'Service "{service}" unchanged')
            return
        _apply(session, stored, wanted)
    session.line(f'Service "{service}" updated')


def _editor(session: Session) -> list[str]:
    """Return the editor's command. Raises UsageError when there is none to be had."""
    named = session.environ.get("VISUAL") or session.environ.get("EDITOR") or ""
    if not named.strip() and not session.can_ask:
        raise UsageError("no editor is named", hint="name one in the variable VISUAL or EDITOR")
    try:
        return shlex.split(named) or ["vi"]
    except ValueError as error:
        raise UsageError(f'the editor "{named}" cannot be understood: {error}') from error


@contextmanager
def _draft(session: Session, text: str) -> Iterator[Path]:
    """Make a file that only this user can read; it stays when something fails after it was edited."""
    import tempfile

    # Also the folder is private, as an editor keeps copies beside the file.
    folder = Path(tempfile.mkdtemp(prefix="oscar-cli-edit-"))
    path = folder / "fdl.yaml"
    path.touch(mode=0o600)
    path.write_bytes(text.encode())
    try:
        yield path
    except BaseException as error:
        if _is_edited(path, text):
            kept = f"what you wrote is kept in {path}"
            if not isinstance(error, OscarError):
                session.note(kept)
                raise
            error.hint = f"{error.hint}; {kept}" if error.hint else kept
        else:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _is_edited(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() != text.encode()
    except OSError:
        return False


def _run_editor(session: Session, command: list[str], path: Path) -> None:
    # Ctrl-C belongs to the editor while it is open. A handler, unlike "ignore", is not handed on to it.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        # What an editor writes is no answer of this command.
        stdout = None if session.out.is_terminal else sys.stderr
        code = subprocess.run([*command, str(path)], stdout=stdout, check=False).returncode
    except OSError as error:
        raise UsageError(
            f'cannot start the editor "{command[0]}": {error.strerror}',
            hint="name another one in the variable VISUAL or EDITOR",
        ) from error
    finally:
        signal.signal(signal.SIGINT, before)
    if code != 0:
        raise OscarError(f'nothing was changed: the editor "{command[0]}" ended with code {code}')


def _wanted(session: Session, path: Path, stored: Service) -> Service:
    """Read what was written. Raises ConfigError when it is not this one service, written well."""
    from oscarcli.fdl.read import read

    fdl = read(str(path))
    for warning in fdl.warnings:
        session.warn(warning)
    if len(fdl.services) != 1:
        raise ConfigError(f"the file has {len(fdl.services)} services; one was to be edited")
    found = fdl.services[0]
    if found.name != stored.get("name"):
        raise ConfigError(
            f'the file names the service "{found.name}", not "{stored.get("name")}"; names cannot change',
            hint="apply the file to have a service of that name",
        )
    if found.cluster_key != session.cluster_id:
        raise ConfigError(f'the file is for cluster "{found.cluster_key}", not "{session.cluster_id}"')
    return _completed(session, found, stored)


def _completed(session: Session, found: ServiceDefinition, stored: Service) -> Service:
    """Return the edited definition with what the FDL cannot say about the stored one."""
    definition = {**found.definition, "cluster_id": stored.get("cluster_id") or ""}
    script = str(stored.get("script") or "")
    if definition.get("script") == f"{script}\n":
        # A block of lines ends in a line end; the stored script need not.
        definition["script"] = script
    secrets = (definition.get("environment") or {}).get("secrets") or {}
    known = (stored.get("environment") or {}).get("secrets") or {}
    empty = [key for key, value in secrets.items() if not value]
    if empty and (secrets.keys() != known.keys() or any(secrets.values())):
        raise ConfigError(
            f"the server would empty the secrets that have no value: {', '.join(empty)}",
            hint="give all of them a value, or none to keep them all",
        )
    if known and not secrets:
        session.note("secrets that are left out stay as they are")
    return definition


def _show_difference(session: Session, stored: Service, wanted: Service) -> bool:
    """Write what changes to stderr, secrets masked. Returns whether anything does."""
    from oscarcli.fdl.from_server import from_server
    from oscarcli.fdl.normalise import comparable
    from oscarcli.http.redaction import mask_document
    from oscarcli.output.difference import difference
    from oscarcli.output.render import to_yaml

    cluster = {"cluster_id": stored.get("cluster_id") or ""}
    old, new = comparable({**from_server(stored), **cluster}), comparable(wanted)
    if new == old:
        return False
    terminal = session.diagnostics.terminal
    script_before, script_after = (str(one.pop("script", "")) for one in (old, new))
    before, after = (to_yaml(mask_document(one)) for one in (old, new))
    shown = difference(before, after, terminal)
    shown += difference(script_before, script_after, terminal, names=SCRIPT_NAMES)
    if shown:
        terminal.write(shown)
    else:
        session.note("only values of secrets change")
    return True


def _apply(session: Session, stored: Service, wanted: Service) -> None:
    from oscarcli.api.responses import ServerError
    from oscarcli.api.services import get_service
    from oscarcli.api.system import get_info
    from oscarcli.fdl.normalise import comparable
    from oscarcli.fdl.to_server import has_ports, to_server
    from oscarcli.fdl.update import replace_service

    name = str(stored.get("name"))
    now = get_service(session.api, name)
    if comparable(now, stored=True) != comparable(stored, stored=True):
        raise RefusedError(f'service "{name}" was changed by somebody else while it was edited')
    version = str(get_info(session.api).get("version")) if has_ports(wanted) else None
    try:
        remark = replace_service(session.api, to_server(wanted, now, version), version)
    except ServerError as error:
        error.hint = f"it may be stored all the same: 'oscar-cli service get {name}' shows it"
        raise
    except NotFoundError as error:
        error.hint = "it was deleted while it was edited"
        raise
    if remark:
        session.note(remark)
