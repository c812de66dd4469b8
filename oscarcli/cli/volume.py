"""`volume`: storage of a cluster that services mount and that may outlive them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, YesOption, noun
from oscarcli.cli.kit.session import Session
from oscarcli.coercion import as_mapping
from oscarcli.errors import OscarError, UsageError
from oscarcli.output.render import Column, Result

app = noun("Volumes that services mount.")

COLUMNS = (
    Column("NAME", "name"),
    Column("SIZE", "size"),
    Column("STATUS", lambda volume: _status(volume).get("phase")),
    Column("OWNER", "owner_user", is_name=True),
)
DETAIL_COLUMNS = (
    *COLUMNS,
    Column("ATTACHED TO", lambda volume: [_attachment(one) for one in volume.get("attachments") or []]),
    Column("CREATED BY", "created_by_service"),
    Column("LIFECYCLE", "lifecycle_policy"),
)

VolumeArgument = Annotated[str, typer.Argument(metavar="VOLUME_NAME", help="The volume's name.")]


def _status(volume: dict[str, Any]) -> Mapping[str, Any]:
    return as_mapping(volume.get("status"))


def _attachment(one: dict[str, Any]) -> str:
    return f"{one.get('service_name')}:{one.get('mount_path')}"


@app.command("list, ls", formats=TABLE_FORMATS, columns=COLUMNS, watch="whole")
def list_volumes(ctx: typer.Context) -> None:
    """List the volumes."""
    from oscarcli.api import volumes

    session: Session = ctx.obj
    session.show(Result(volumes.list_volumes(session.api), COLUMNS, empty="No volumes found"))


@app.command("get, g", formats=("yaml", "json", "table"), columns=DETAIL_COLUMNS)
def get(ctx: typer.Context, name: VolumeArgument) -> None:
    """Show a volume, with the services that mount it."""
    from oscarcli.api.volumes import get_volume

    session: Session = ctx.obj
    document = get_volume(session.api, name)
    session.show(Result(document, DETAIL_COLUMNS, rows=[document], is_record=True))


@app.command("create", formats=TABLE_FORMATS)
def create(
    ctx: typer.Context,
    name: VolumeArgument,
    size: Annotated[
        str | None, typer.Option("--size", metavar="SIZE", help="How large, such as 1Gi; has to be given.")
    ] = None,
) -> None:
    """Create a volume."""
    from oscarcli.api.volumes import create_volume
    from oscarcli.fdl.quantities import quantity_error

    session: Session = ctx.obj
    if not size:
        raise UsageError("the volume's size is needed: --size SIZE, such as --size 1Gi")
    wrong = quantity_error(size, "storage")
    if wrong:
        raise UsageError(f"--size: {wrong}")
    document = create_volume(session.api, name, size)
    if session.wants_table:
        session.line(f'Volume "{name}" created (size: {size})')
    else:
        session.show(Result(document))


@app.command("delete, rm, d, del, remove", formats=TABLE_FORMATS)
def delete(ctx: typer.Context, name: VolumeArgument, yes: YesOption = False) -> None:
    """Delete a volume with all it holds."""
    from oscarcli.api.volumes import delete_volume, get_volume

    session: Session = ctx.obj
    # The server says of a volume that does not exist that it is deleted.
    volume = get_volume(session.api, name)
    size = f" ({volume['size']})" if volume.get("size") else ""
    if not yes and session.can_ask and not session.confirm(f'Delete volume "{name}"{size} with its files?'):
        raise OscarError("nothing was deleted")
    delete_volume(session.api, name)
    session.done(f'Volume "{name}" deleted', {"deleted": [name]})
