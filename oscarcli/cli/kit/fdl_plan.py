"""What the commands that take an FDL have in common: its options, and the way from a file to a plan."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.kit.session import Session

if TYPE_CHECKING:
    from oscarcli.fdl.actions import Action
    from oscarcli.fdl.plan import Wanted
    from oscarcli.fdl.read import Fdl

FdlArgument = Annotated[
    str, typer.Argument(metavar="FDL_FILE", help="File, YAML or JSON; - for standard input.")
]
DefaultOption = Annotated[
    bool, typer.Option("--default", help="Use the default cluster, whatever the file says.")
]
NameOption = Annotated[
    list[str] | None,
    typer.Option(
        "--name",
        "-n",
        metavar="NAME|OLD=NEW",
        help="Name of the service and its bucket instead of the file's; OLD=NEW, repeated, for several.",
    ),
]
EnvFileOption = Annotated[
    Path | None,
    typer.Option("--env-file", metavar="FILE", help="KEY=value lines for variables and secrets."),
]


@dataclass(frozen=True)
class Planned:
    """An FDL and what is to be done for it.

    Attributes:
        fdl: the file.
        actions: the steps, in the order to do them in.
        delegated_logins: for services that delegate, the clusters whose logins they are given.
    """

    fdl: Fdl
    actions: Sequence[Action]
    delegated_logins: Mapping[str, Sequence[str]]


def planned(
    session: Session,
    path: str,
    *,
    default: bool,
    names: Sequence[str] | None,
    env_file: Path | None,
    force: bool = False,
) -> Planned:
    """Read an FDL, look what there is of its services, and return what is to be done.

    Args:
        session: the run.
        path: the file, `-` for standard input.
        default: send all services to the default cluster.
        names: what `--name` was given.
        env_file: what `--env-file` was given.
        force: send what does not differ, too.

    Raises:
        ConfigError: the FDL or the environment file is wrong, or a cluster is not on record.
        UsageError: a name is not possible.
    """
    fdl = read_fdl(session, path)
    return planned_fdl(session, fdl, default=default, names=names, env_file=env_file, force=force)


def planned_fdl(
    session: Session,
    fdl: Fdl,
    *,
    default: bool,
    names: Sequence[str] | None,
    env_file: Path | None,
    force: bool = False,
    cluster_id: str | None = None,
) -> Planned:
    """Return what is to be done for an FDL that has been read; see `planned`.

    With `cluster_id` all services go to that cluster, whatever options, the environment and the file say.
    """
    from oscarcli.fdl.apply import read_existing
    from oscarcli.fdl.plan import plan, with_logins

    wanted = wanted_services(session, fdl, names or [], default, cluster_id)
    # An empty name, which is no file, comes as that of the working folder.
    if env_file is not None and env_file != Path():
        _fill_in(session, env_file, wanted)
    existing = read_existing(wanted, session.api_for)
    wanted, delegated_logins = with_logins(wanted, existing, session.config.clusters, session.with_secret)
    return Planned(fdl, plan(wanted, existing, force=force), delegated_logins)


def read_fdl(session: Session, path: str, *, names_only: bool = False) -> Fdl:
    """Read an FDL and say what is odd about it. Raises ConfigError with every mistake in it."""
    from oscarcli.fdl.findings import FdlError
    from oscarcli.fdl.read import read

    try:
        fdl = read(path, standard_input=getattr(sys.stdin, "buffer", None), names_only=names_only)
    except FdlError as error:
        for warning in error.warnings:
            session.warn(warning)
        raise
    for warning in fdl.warnings:
        session.warn(warning)
    return fdl


def wanted_services(
    session: Session, fdl: Fdl, names: Sequence[str], default: bool, cluster_id: str | None = None
) -> list[Wanted]:
    """Return the services of an FDL under their names, each with its cluster."""
    from oscarcli.fdl.plan import targets
    from oscarcli.fdl.rename import renamed

    # Not OSCAR_CLI_CLUSTER: it says which cluster is meant where nothing else does, and here the file does.
    services = renamed(fdl.services, names)
    return targets(
        services, session.config, cluster_id=cluster_id or session.cluster_option, use_default=default
    )


def _fill_in(session: Session, path: Path, wanted: Sequence[Wanted]) -> None:
    from oscarcli.fdl.env_file import fill_in, read_env_file

    usage = fill_in([item.service.definition for item in wanted], read_env_file(path))
    if usage.used:
        session.note(f"from {path}: {', '.join(usage.used)}")
    if usage.unused:
        session.warn(f"no service has these variables or secrets of {path}: {', '.join(usage.unused)}")
