"""`hub`: curated services that can be deployed by their names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oscarcli.cli.hub import deploy, show, validate
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
    local_packages,
    opened_hub,
)
from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.session import Session
from oscarcli.output.render import Column, Result

if TYPE_CHECKING:
    from oscarcli.hub.crate import Crate
    from oscarcli.hub.origin import HubOrigin

app = noun("Curated services that can be deployed by their names.")

LIST_COLUMNS = (Column("SLUG", "slug"), Column("NAME", "name"), Column("CREATOR", "creator"))
SEARCH_COLUMNS = (*LIST_COLUMNS[:2], Column("DESCRIPTION", "description"))
JsonOption = Annotated[bool, typer.Option("--json", help="The same as -o json.", hidden=True)]


@app.command("list, ls", formats=TABLE_FORMATS, columns=LIST_COLUMNS, watch="whole")
def list_services(
    ctx: typer.Context,
    owner: OwnerOption = OWNER,
    repo: RepoOption = REPO,
    path: PathOption = PATH,
    ref: RefOption = None,
    api_base: ApiBaseOption = "",
    local_path: LocalPathOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the services of the hub; the repository is fetched again only when it has changed."""
    from oscarcli.hub.origin import HubOrigin

    session: Session = ctx.obj
    if as_json:
        session.output = "json"
    origin = HubOrigin.checked(owner, repo, path, ref or REF, api_base)
    rows, warnings = _services(session, origin, local_path)
    document = {"services": rows, "warnings": warnings}
    session.show(Result(document, LIST_COLUMNS, rows, empty="No curated services found"))


@app.command("search, s", formats=TABLE_FORMATS, columns=SEARCH_COLUMNS)
def search(
    ctx: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="Each must occur, in any case.")],
    owner: OwnerOption = OWNER,
    repo: RepoOption = REPO,
    path: PathOption = PATH,
    ref: RefOption = None,
    api_base: ApiBaseOption = "",
    local_path: LocalPathOption = None,
) -> None:
    """Find services by words of their names, descriptions, keywords and creators."""
    from oscarcli.hub.origin import HubOrigin

    session: Session = ctx.obj
    origin = HubOrigin.checked(owner, repo, path, ref or REF, api_base)
    rows, warnings = _services(session, origin, local_path)
    found = [row for row in rows if _has_words(row, words)]
    document = {"services": found, "warnings": warnings}
    session.show(Result(document, SEARCH_COLUMNS, found, empty=f"No service has {' and '.join(words)}"))


def _has_words(row: dict[str, Any], words: list[str]) -> bool:
    text = " ".join(
        str(row[key]) for key in ("slug", "name", "description", "keywords", "creator")
    ).casefold()
    return all(word.casefold() in text for word in words)


def _services(
    session: Session, origin: HubOrigin, local_path: Path | None
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Return the services of an origin as documents, and what is wrong with others, which is said too.

    Args:
        session: the run.
        origin: where they are looked for.
        local_path: a folder of this machine to look into instead: of services, or of one.
    """
    from oscarcli.hub.crate import read_crates

    if local_path is not None:
        files, folder = local_packages(local_path)
        crates, wrong = read_crates(files, folder)
        rows = [crate_document(crate, None) for crate in crates]
    else:
        with opened_hub(session, origin) as archive:
            crates, wrong = read_crates(archive, origin.path)
            rows = [crate_document(crate, origin) for crate in crates]
    for path, error in wrong:
        # The message names the file where it is about its contents.
        session.warn(error.message if error.message.startswith(path) else f"{path}: {error.message}")
    return rows, [{"path": path, "error": error.message} for path, error in wrong]


def crate_document(crate: Crate, origin: HubOrigin | None) -> dict[str, Any]:
    """Return what is known of a service, with the reference client's keys and `keywords`.

    Args:
        crate: its metadata.
        origin: where its web page is; `None` for a service of this machine, which has none.
    """
    page = origin.page(crate.folder) if origin else ""
    return {
        "slug": crate.slug,
        "name": crate.text("name") or crate.slug,
        "creator": crate.text("creator", "author"),
        "description": crate.text("description"),
        "keywords": crate.text("keywords"),
        "license": crate.text("license"),
        "url": crate.text("url", "URL") or page,
        "repository_url": page,
        "metadata_source": crate.path,
    }


app.include(show.app)
app.include(deploy.app)
app.include(validate.app)
