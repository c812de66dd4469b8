"""`cluster`: which clusters there are, which one is used, and what a cluster says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from queue import Empty, Queue
from threading import Thread
from typing import Annotated, Any

import typer

from oscarcli.cli import cluster_state
from oscarcli.cli.framework import TABLE_FORMATS, noun
from oscarcli.cli.session import Session
from oscarcli.config.model import Cluster
from oscarcli.errors import ConfigError, OscarError, UnreachableError, UsageError
from oscarcli.output.render import Column, Result

app = noun("Add, choose and inspect clusters.")

# `cluster add` looks at the new cluster for at most so long: scripts add clusters before they are up.
CHECK_SECONDS = 3.0


def _backend(info: dict[str, Any]) -> Any:
    backend = info.get("serverless_backend")
    return backend.get("name") if isinstance(backend, dict) else backend


INFO_COLUMNS = (
    Column("VERSION", "version"),
    Column("ARCHITECTURE", "architecture"),
    Column("KUBERNETES", "kubernetes_version"),
    Column("BACKEND", _backend),
    Column("COMMIT", "git_commit"),
)
LIST_COLUMNS = (
    Column("ID", "id"),
    Column("ENDPOINT", "endpoint"),
    Column("LOGIN", "login"),
    Column("SSL VERIFY", "ssl_verify"),
    Column("DEFAULT", "default"),
)
IdentifierArgument = Annotated[str, typer.Argument(metavar="IDENTIFIER", help="The cluster's id.")]


@dataclass(frozen=True)
class Login:
    """What `cluster add` was told about logging in."""

    username: str | None
    password: str | None
    password_stdin: bool
    oidc_account_name: str
    oidc_refresh_token: str

    def check(self) -> None:
        """Raise UsageError for words and flags that do not go together, by the reference's rules."""
        if self.oidc_account_name and self.oidc_refresh_token:
            raise UsageError('only one of "--oidc-account-name" and "--oidc-refresh-token" can be set')
        for flag, value in (
            ("--oidc-account-name", self.oidc_account_name),
            ("--oidc-refresh-token", self.oidc_refresh_token),
        ):
            if value and self.username is not None:
                raise UsageError(f'if the "{flag}" flag is set only 2 arguments are allowed')
            if value and self.password_stdin:
                raise UsageError(f'only one of "{flag}" and "--password-stdin" can be set')
        if self.by_oidc:
            return
        if not self.username:
            raise UsageError("you must provide the username")
        if self.password_stdin and self.password is not None:
            raise UsageError('if the "--password-stdin" flag is set only 3 arguments are allowed')

    @property
    def by_oidc(self) -> bool:
        """Whether no user and password are needed."""
        return bool(self.oidc_account_name or self.oidc_refresh_token)


@app.command("add, a")
def add(
    ctx: typer.Context,
    identifier: IdentifierArgument,
    endpoint: Annotated[str, typer.Argument(help="URL, such as https://oscar.example.org.")],
    username: Annotated[str | None, typer.Argument(help="User for basic authentication.")] = None,
    password: Annotated[
        str | None, typer.Argument(help="Its password; asked for when missing. Other users can see it here.")
    ] = None,
    disable_ssl: Annotated[
        bool, typer.Option("--disable-ssl", help="Do not verify the server's TLS certificate.")
    ] = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    oidc_account_name: Annotated[
        str,
        typer.Option(
            "--oidc-account-name", "-o", metavar="NAME", help="Account of oidc-agent to log in with."
        ),
    ] = "",
    oidc_refresh_token: Annotated[
        str,
        typer.Option(
            "--oidc-refresh-token",
            "-t",
            metavar="TOKEN",
            help="OpenID Connect refresh token to log in with; - asks for it, or reads standard input.",
        ),
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace a cluster of that id unasked.")] = False,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Do not look whether the cluster answers.")
    ] = False,
) -> None:
    """Store a cluster.

    The cluster is stored even when it does not answer or refuses the login; a warning says so.
    """
    session: Session = ctx.obj
    login = Login(username, password, password_stdin, oidc_account_name, oidc_refresh_token)
    login.check()
    _check_endpoint(endpoint)
    replace = _may_replace(session, identifier, force)
    cluster = Cluster(
        identifier,
        endpoint,
        auth_user=username or "",
        auth_password="" if login.by_oidc else _password(session, login),
        oidc_account_name=oidc_account_name,
        oidc_refresh_token=_refresh_token(session, oidc_refresh_token),
        ssl_verify=not disable_ssl,
    )
    if not session.config_file.put(cluster, replace=replace):
        raise OscarError(f'the cluster "{identifier}" exists already', hint="replace it with --force")
    session.line(
        f'Cluster "{identifier}" successfully stored. To modify the default values, '
        f"please edit the file {session.config_path}"
    )
    if not no_check:
        _look(session, cluster)


def _check_endpoint(endpoint: str) -> None:
    from oscarcli.api.address import base_url, has_login

    try:
        base_url(endpoint)
    except ConfigError as error:
        raise UsageError(error.message, hint=error.hint) from error
    if has_login(endpoint):
        raise UsageError("the endpoint's URL holds a user or a password; give them as arguments of their own")


def _may_replace(session: Session, identifier: str, force: bool) -> bool:
    """Tell whether an entry of this id may be replaced; a person is asked, a script is told."""
    is_there = identifier in session.config.clusters
    if force or not session.can_ask:
        if is_there and not force:
            session.note(f'replacing the cluster "{identifier}", which exists already')
        return True
    if is_there and not session.confirm(f'The cluster "{identifier}" exists already. Replace it?'):
        raise OscarError(f'the cluster "{identifier}" is left as it was')
    return is_there


def _password(session: Session, login: Login) -> str:
    if login.password_stdin:
        return _stdin_secret(session)
    if login.password is not None:
        return login.password
    if not session.can_ask:
        raise UsageError(
            "you must provide the password",
            hint="pipe it in with --password-stdin, or run this on a terminal",
        )
    return session.ask_secret(f"Password of {login.username}: ")


def _refresh_token(session: Session, given: str) -> str:
    if given != "-":
        return given
    return session.ask_secret("Refresh token: ") if session.can_ask else _stdin_secret(session)


def _stdin_secret(session: Session) -> str:
    try:
        return session.read_stdin().decode().strip("\r\n")
    except UnicodeDecodeError as error:
        raise UsageError("what came on standard input is not UTF-8 text") from error


def _look(session: Session, cluster: Cluster) -> None:
    """Ask the new cluster for its version, to tell early what would fail later."""
    seconds = min(session.timeout or CHECK_SECONDS, CHECK_SECONDS)
    answers: Queue[str | OscarError] = Queue()
    # In a thread, for neither the resolver of names nor a server that drips keeps to a time limit.
    Thread(target=lambda: answers.put(_version(cluster, seconds)), daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except Empty:
        answer = UnreachableError(f"the cluster gave no whole answer within {seconds:g} s")
    if isinstance(answer, OscarError):
        session.warn(f"the cluster is stored, but: {answer.message}")
    else:
        session.verbose_note(f"the cluster answers; its version is {answer}")


def _version(cluster: Cluster, seconds: float) -> str | OscarError:
    from oscarcli.api.auth import auth_for
    from oscarcli.api.client import Client
    from oscarcli.api.system import get_info

    try:
        with Client(cluster.endpoint, auth_for(cluster), verify=cluster.ssl_verify, retries=False) as client:
            return str(get_info(client, seconds=seconds).get("version"))
    except OscarError as error:
        return error
    except Exception as error:  # noqa: BLE001 -- the cluster is stored; nothing here may look like a failure
        return OscarError(f"{type(error).__name__}: {error}")


@app.command("default, d", formats=TABLE_FORMATS)
def default(
    ctx: typer.Context,
    identifier: Annotated[
        str | None, typer.Option("--set", "-s", metavar="ID", help="Make this cluster the default.")
    ] = None,
) -> None:
    """Show or set the cluster that is used when none is named."""
    session: Session = ctx.obj
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


@app.command("delete, d, del, remove, rm", formats=TABLE_FORMATS)
def delete(ctx: typer.Context, identifier: IdentifierArgument) -> None:
    """Forget a cluster; the cluster itself is not touched."""
    session: Session = ctx.obj
    session.config_file.remove(identifier)
    if session.wants_table:
        session.line(f'Cluster "{identifier}" removed from {session.config_path}')
    else:
        session.show(Result({"deleted": [identifier]}))


@app.command("info, i", formats=("yaml", "json", "table"), columns=INFO_COLUMNS)
def info(ctx: typer.Context) -> None:
    """Show a cluster's version, architecture and backend."""
    from oscarcli.api.system import get_info

    session: Session = ctx.obj
    document = get_info(session.api)
    session.show(Result(document, INFO_COLUMNS, rows=[document]))


@app.command("list, ls", formats=TABLE_FORMATS, columns=LIST_COLUMNS)
def list_clusters(ctx: typer.Context) -> None:
    """List the clusters on record, in the order of the file."""
    session: Session = ctx.obj
    config = session.config
    rows = [
        {
            "id": cluster.identifier,
            "endpoint": cluster.endpoint,
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
    for row in rows:
        text = clean(f"{row['id']} ({row['endpoint']})")
        session.answer((session.out.styled(f"{text} (Default)", "1") if row["default"] else text) + "\n")


app.include(cluster_state.app)
