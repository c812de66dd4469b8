"""`local user`: the people who share a local cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.session import Session
from oscarcli.cli.local.options import DataDirOption, NameOption, folder_of
from oscarcli.errors import UsageError
from oscarcli.output.render import Column, Result

if TYPE_CHECKING:
    from oscarcli.local.users.administration import NewUserLogin, UserAdministration

app = noun("The people who share a local cluster started with --users.")

UserArgument = Annotated[str, typer.Argument(metavar="USER_NAME", help="The user's name.")]
StoreOption = Annotated[
    str,
    typer.Option(
        "--store-as",
        metavar="ID",
        help="Store the cluster under this id with the user's login, instead of showing the token.",
    ),
]
COLUMNS = (
    Column("NAME", "name"),
    Column("GROUPS", lambda row: ", ".join(row["groups"])),
    Column("UID", "uid", is_name=True),
)


@app.command("add", formats=TABLE_FORMATS)
def add(
    ctx: typer.Context,
    user_name: UserArgument,
    group: Annotated[
        list[str] | None,
        typer.Option(metavar="GROUP", help="A group they are in; may be repeated.  [default: users]"),
    ] = None,
    store_as: StoreOption = "",
    name: NameOption = "local",
    data_dir: DataDirOption = None,
) -> None:
    """Add a user, and show a refresh token that 'cluster add' takes."""
    session: Session = ctx.obj
    _check_id(session, store_as)
    login = _administration(session, name, data_dir).add(user_name, group or ())
    session.note(f'user "{user_name}" added')
    _hand_out(session, login, store_as)


@app.command("token", formats=TABLE_FORMATS)
def token(
    ctx: typer.Context,
    user_name: UserArgument,
    store_as: StoreOption = "",
    name: NameOption = "local",
    data_dir: DataDirOption = None,
) -> None:
    """Show a further refresh token of a user; those they have stay good."""
    session: Session = ctx.obj
    _check_id(session, store_as)
    _hand_out(session, _administration(session, name, data_dir).token(user_name), store_as)


@app.command("list, ls", formats=TABLE_FORMATS, columns=COLUMNS, watch="whole")
def list_users(ctx: typer.Context, name: NameOption = "local", data_dir: DataDirOption = None) -> None:
    """List the users."""
    session: Session = ctx.obj
    rows = [
        {"name": user.name, "uid": user.uid, "groups": list(user.groups)}
        for user in _administration(session, name, data_dir).all()
    ]
    session.show(Result(rows, COLUMNS, empty="The cluster has no users"))


@app.command("remove, rm", formats=TABLE_FORMATS)
def remove(
    ctx: typer.Context, user_name: UserArgument, name: NameOption = "local", data_dir: DataDirOption = None
) -> None:
    """Remove a user; their services and buckets stay, their logins are void."""
    session: Session = ctx.obj
    _administration(session, name, data_dir).remove(user_name)
    session.done(f'User "{user_name}" removed', {"name": user_name})


def _administration(session: Session, name: str, data_dir: Path | None) -> UserAdministration:
    from oscarcli.local.users.administration import UserAdministration

    return UserAdministration(folder_of(session, name, data_dir))


def _check_id(session: Session, cluster_id: str) -> None:
    if cluster_id and cluster_id in session.config.clusters:
        raise UsageError(f'there is a cluster "{cluster_id}" on record already')


def _hand_out(session: Session, login: NewUserLogin, store_as: str) -> None:
    """Store a login, or show it: whoever has the token is that user."""
    from oscarcli.config.model import Cluster
    from oscarcli.local.users.tokens import CLIENT

    document: dict[str, Any] = {
        "name": login.user.name,
        "uid": login.user.uid,
        "groups": list(login.user.groups),
        "endpoint": login.endpoint,
        "issuer": login.issuer,
    }
    if store_as:
        session.config_file.put(
            Cluster(
                store_as,
                login.endpoint,
                oidc_refresh_token=login.refresh_token,
                oidc_issuer=login.issuer,
                oidc_client_id=CLIENT,
            )
        )
        session.done(f'Cluster "{store_as}" stored with the login of "{login.user.name}"', document)
        return
    if not session.wants_table:
        session.show(Result({**document, "refresh_token": login.refresh_token}))
        return
    session.line(login.refresh_token)
