"""`hub show`: what a service of the hub is, what it takes, and which version it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from oscarcli.cli.hub.definition import described_services, fdl_of
from oscarcli.cli.hub.options import (
    OWNER,
    PATH,
    REF,
    REPO,
    ApiBaseOption,
    LocalPathOption,
    OwnerOption,
    PathOption,
    RefOption,
    RepoOption,
    SlugArgument,
    opened_package,
)
from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.session import Session
from oscarcli.errors import NotFoundError
from oscarcli.output.render import Result

if TYPE_CHECKING:
    from oscarcli.hub.crate import Crate

app = noun("Show a service of the hub.")


@app.command("show, get, g", formats=TABLE_FORMATS)
def show(
    ctx: typer.Context,
    slug: SlugArgument,
    owner: OwnerOption = OWNER,
    repo: RepoOption = REPO,
    path: PathOption = PATH,
    ref: RefOption = None,
    api_base: ApiBaseOption = "",
    local_path: LocalPathOption = None,
) -> None:
    """Show what a service is, what it takes, and which version it is."""
    from oscarcli.hub.origin import HubOrigin

    session: Session = ctx.obj
    origin = HubOrigin.checked(owner, repo, path, ref or REF, api_base)
    with opened_package(session, origin, slug, local_path) as package:
        definition, fdl = fdl_of(session, package)
        document: dict[str, Any] = {"slug": slug}
        try:
            document |= _metadata(package.crate)
        except NotFoundError as error:
            session.note(error.message)
        document |= {
            "fdl": definition.path,
            "commit": package.commit,
            "digest": definition.digest,
            "services": described_services(fdl),
        }
        if local_path is None:
            document["repository_url"] = origin.page(package.folder, package.commit)
    if not session.wants_table:
        session.show(Result(document))
        return
    for key, value in document.items():
        if key != "services" and value:
            session.line(f"{key.replace('_', ' ')}: {value}")
    for service in document["services"]:
        session.line("")
        for key, value in service.items():
            if value:
                session.line(f"{key}: {', '.join(value) if isinstance(value, list) else value}")


def _metadata(crate: Crate) -> dict[str, Any]:
    keys = {"creator": ("creator", "author"), "url": ("url", "URL")}
    names = ("name", "description", "creator", "keywords", "license", "version", "url")
    return {name: crate.text(*keys.get(name, (name,))) for name in names}
