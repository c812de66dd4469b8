"""`cluster`: which clusters there are, which one is used, and what a cluster says of itself."""

from __future__ import annotations

from typing import Annotated

import typer

from oscarcli.cli.cluster import add, dashboard, secrets, status
from oscarcli.cli.cluster.add import IdentifierArgument
from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.store_secret import forget_former
from oscarcli.coercion import as_mapping
from oscarcli.output.render import Column, Result

app = noun("Add, choose and inspect clusters.")
app.include(add.app)
# `delete` comes before `default`: of two verbs with one alias the first has it, and `cluster d ID` deletes.

INFO_COLUMNS = (
    Column("VERSION", "version"),
    Column("ARCHITECTURE", "architecture"),
    Column("KUBERNETES", "kubernetes_version"),
    Column("BACKEND", lambda info: as_mapping(info.get("serverless_backend")).get("name")),
    Column("COMMIT", "git_commit"),
)
LIST_COLUMNS = (
    Column("ID", "id"),
    Column("ENDPOINT", "endpoint", is_name=True),
    Column("LOGIN", "login"),
    Column("SSL VERIFY", "ssl_verify"),
    Column("DEFAULT", "default"),
)


@app.command("delete, d, del, remove, rm", formats=TABLE_FORMATS)
def delete(ctx: typer.Context, identifier: IdentifierArgument) -> None:
    """Forget a cluster; the cluster itself is not touched."""
    session: Session = ctx.obj
    former = session.recorded.clusters.get(identifier)
    with session.logins.vault.locked(former):
        session.config_file.remove(identifier)
        forget_former(session, former)
    if session.wants_table:
        session.line(f'Cluster "{identifier}" removed from {session.config_path}')
    else:
        session.show(Result({"deleted": [identifier]}))


@app.command("default, d", formats=TABLE_FORMATS)
def default(
    ctx: typer.Context,
    identifier: Annotated[
        str | None, typer.Option("--set", "-s", metavar="ID", help="Make this cluster the default.")
    ] = None,
) -> None:
    """Show or set the cluster that is used when none is named."""
    session: Session = ctx.obj
    # Nothing in it is as good as no option, for the reference client too.
    identifier = identifier or None
    if identifier is not None:
        session.config_file.set_default(identifier)
    chosen = session.config.default
    if identifier is not None and session.wants_table:
        session.line(f'The cluster "{identifier}" has been set as default successfully')
    elif not session.wants_table:
        session.show(Result({"default": chosen}))
    elif chosen:
        session.line(chosen)
    else:
        session.line('There is no default cluster, please set it with the "--set" flag')
        if not session.config.clusters:
            session.tell_how_to_begin()


@app.command("info, i", formats=("yaml", "json", "table"), columns=INFO_COLUMNS, on_terminal="table")
def info(ctx: typer.Context) -> None:
    """Show a cluster's version, architecture and backend."""
    from oscarcli.api.system import get_info

    session: Session = ctx.obj
    document = get_info(session.api)
    name = Column("CLUSTER", lambda _: session.cluster_id)
    session.show(Result(document, INFO_COLUMNS, rows=[document], name=name, is_record=True))


@app.command("list, ls", formats=TABLE_FORMATS, columns=LIST_COLUMNS, watch="whole")
def list_clusters(ctx: typer.Context) -> None:
    """List the clusters on record, in the order of the file."""
    session: Session = ctx.obj
    config = session.config
    rows = [
        {
            "id": cluster.identifier,
            "endpoint": cluster.shown_endpoint,
            "login": cluster.login,
            "ssl_verify": cluster.ssl_verify,
            "default": cluster.identifier == config.default,
        }
        for cluster in config.clusters.values()
    ]
    empty = "There are no defined clusters in the config file"
    if session.wants_usual_table:
        _list_lines(session, rows, empty)
    else:
        session.show(Result(rows, LIST_COLUMNS, empty=empty))


def _list_lines(session: Session, rows: list[dict[str, object]], empty: str) -> None:
    """Write the reference's lines, which scripts read: `ID (ENDPOINT)`, and ` (Default)` on one."""
    from oscarcli.output.terminal import clean

    if not rows:
        session.note(empty)
        session.tell_how_to_begin()
    for row in rows:
        text = clean(f"{row['id']} ({row['endpoint']})")
        session.answer((session.out.styled(f"{text} (Default)", "1") if row["default"] else text) + "\n")


app.include(status.app)
app.include(dashboard.app)
app.add_typer(secrets.app, name="secrets")
