"""`local images`: the images of the local cluster's services."""

from __future__ import annotations

from dataclasses import asdict

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, YesOption, noun
from oscarcli.cli.kit.session import Session
from oscarcli.cli.local.options import DataDirOption, NameOption, folder_of
from oscarcli.errors import UsageError
from oscarcli.output.render import Column, Result

app = noun("The images of the local cluster's services.")

COLUMNS = (
    Column("IMAGE", "reference"),
    Column("ENGINE", "engine"),
    Column("DIGEST", "digest"),
    Column("SIZE", "size"),
    Column("SERVICES", lambda row: ", ".join(row["services"])),
)


@app.command("list, ls", formats=TABLE_FORMATS, columns=COLUMNS, watch="whole")
def list_images(ctx: typer.Context, name: NameOption = "local", data_dir: DataDirOption = None) -> None:
    """List the images that services use or used, with their sizes in bytes."""
    from oscarcli.local.stored_images import stored_images

    session: Session = ctx.obj
    rows = [asdict(image) for image in stored_images(folder_of(session, name, data_dir))]
    session.show(Result(rows, COLUMNS, rows=rows))


@app.command("prune", formats=TABLE_FORMATS)
def prune(
    ctx: typer.Context, name: NameOption = "local", data_dir: DataDirOption = None, yes: YesOption = False
) -> None:
    """Remove the images that the cluster pulled and no service uses; those that were here before stay."""
    from oscarcli.local import stored_images

    session: Session = ctx.obj
    folder = folder_of(session, name, data_dir)
    unused = [image for image in stored_images.stored_images(folder) if image.pulled and not image.services]
    if unused and not yes:
        if not session.can_ask:
            raise UsageError(f"this removes {_counted(len(unused))}", hint="confirm it with --yes")
        if not session.confirm(f"Remove {', '.join(image.reference for image in unused)}?"):
            raise UsageError("nothing was removed")
    for image in unused:
        stored_images.prune(folder, image)
    names = [image.reference for image in unused]
    session.done(f"{_counted(len(names))} removed", {"removed": names})


def _counted(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"
