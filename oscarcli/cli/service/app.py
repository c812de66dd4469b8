"""`service`: what runs on a cluster. Files, logs and invocations have modules of their own."""

from __future__ import annotations

from typing import Annotated

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, YesOption, noun
from oscarcli.cli.kit.session import Session
from oscarcli.cli.service import (
    delete_file,
    deployment,
    edit,
    export,
    get_file,
    invoke,
    lifecycle,
    list_files,
    logs,
    map,
    put_file,
    sync,
)
from oscarcli.errors import OscarError
from oscarcli.output.render import Column, Result

app = noun("Services, their jobs, logs and files.")

COLUMNS = (
    Column("NAME", "name"),
    Column("IMAGE", "image"),
    Column("CPU", "cpu"),
    Column("MEMORY", "memory"),
)
DEPLOYMENT_COLUMNS = (
    *COLUMNS,
    Column("STATE", lambda service: (service.get("deployment") or {}).get("state")),
    Column("REASON", lambda service: (service.get("deployment") or {}).get("reason")),
)

ServiceArgument = Annotated[str, typer.Argument(metavar="SERVICE_NAME", help="The service's name.")]
ShowSecretsOption = Annotated[
    bool, typer.Option("--show-secrets", help="Show tokens and keys instead of ***.")
]
IncludeDeploymentOption = Annotated[
    bool,
    typer.Option("--include-deployment", help="With the state of what runs for it; OSCAR 4.0 and later."),
]


@app.command("list, ls", formats=TABLE_FORMATS, columns=DEPLOYMENT_COLUMNS, watch="whole")
def list_services(
    ctx: typer.Context,
    show_secrets: ShowSecretsOption = False,
    include_deployment: IncludeDeploymentOption = False,
) -> None:
    """List the services of a cluster."""
    from oscarcli.api import services
    from oscarcli.http.redaction import mask_document

    session: Session = ctx.obj
    found = services.list_services(session.api, include_deployment=include_deployment)
    shown = found if show_secrets else [mask_document(service) for service in found]
    columns = DEPLOYMENT_COLUMNS if include_deployment else COLUMNS
    session.show(Result(shown, columns, empty="There are no services in the cluster"))


@app.command("get, g", formats=("yaml", "json", "table"), columns=DEPLOYMENT_COLUMNS)
def get(
    ctx: typer.Context,
    name: ServiceArgument,
    show_secrets: ShowSecretsOption = False,
    token: Annotated[
        bool, typer.Option("--token", help="Print the service's token, and nothing else.")
    ] = False,
    include_deployment: IncludeDeploymentOption = False,
) -> None:
    """Show the definition of a service; secrets are masked."""
    from oscarcli.api import services
    from oscarcli.http.redaction import mask_document

    session: Session = ctx.obj
    service = services.get_service(session.api, name, include_deployment=include_deployment)
    if token:
        session.line(services.service_token(service))
        return
    shown = service if show_secrets else mask_document(service)
    columns = DEPLOYMENT_COLUMNS if include_deployment else COLUMNS
    session.show(Result(shown, columns, rows=[shown], is_record=True))


@app.command("delete, d, del, remove, rm", formats=TABLE_FORMATS)
def delete(
    ctx: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="SERVICE_NAME...", help="The services' names.")],
    yes: YesOption = False,
) -> None:
    """Delete services, with their jobs and with their buckets and all files in them."""
    from oscarcli.api import services
    from oscarcli.cli.kit.bulk import BulkDelete

    session: Session = ctx.obj
    client = session.api
    confirm_deletion(session, names, yes)
    removal = BulkDelete(
        session, "services", lambda name, done: session.mark(f'Removing service "{name}"', done=done)
    )
    removal.run(names, lambda name: services.delete_service(client, name))


def confirm_deletion(session: Session, names: list[str], yes: bool) -> None:
    """Ask before services are deleted. A script is not asked: it was not by the reference client either."""
    if yes or not session.can_ask:
        return
    listed = ", ".join(f'"{name}"' for name in names)
    if not session.confirm(f"Delete {listed} with all jobs, buckets and files?"):
        raise OscarError("nothing was deleted")


app.include(invoke.app)
app.include(put_file.app)
app.include(get_file.app)
app.include(map.app)
app.include(list_files.app)
app.include(delete_file.app)
app.include(sync.app)
app.include(lifecycle.app)
app.include(edit.app)
app.include(export.app)
app.add_typer(logs.app, name="logs, log, l")
app.add_typer(deployment.app, name="deployment")
