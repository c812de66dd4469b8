"""From a package to the services that its FDL defines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oscarcli.cli.hub.options import Package
from oscarcli.cli.kit.session import Session
from oscarcli.errors import NotFoundError

if TYPE_CHECKING:
    from oscarcli.fdl.read import Fdl
    from oscarcli.hub.definition import Definition


def fdl_of(session: Session, package: Package) -> tuple[Definition, Fdl]:
    """Return a package's FDL with its scripts, and say what is odd about it.

    Raises:
        NotFoundError: it has none.
        ConfigError: it has mistakes, or it is not clear which file it is.
    """
    from oscarcli.fdl.findings import FdlError
    from oscarcli.fdl.read import read_bytes
    from oscarcli.hub.definition import DefinitionReader

    try:
        crate = package.crate
    except NotFoundError:
        # An FDL can be deployed without metadata.
        crate = None
    reader = DefinitionReader(package.files, package.folder, package.slug, crate)
    definition = reader.definition(package.fdl)
    try:
        fdl = read_bytes(definition.text.encode(), definition.path, reader.script)
    except FdlError as error:
        for warning in error.warnings:
            session.warn(warning)
        raise
    for warning in fdl.warnings:
        session.warn(warning)
    return definition, fdl


def described_services(fdl: Fdl) -> list[dict[str, Any]]:
    """Return what matters of each service of an FDL to somebody who may deploy it."""
    rows = []
    for service in fdl.services:
        definition = service.definition
        row = {key: definition.get(key, "") for key in ("image", "cpu", "memory")}
        row |= {way: [_folder(item) for item in definition.get(way) or []] for way in ("input", "output")}
        row["secrets"] = sorted(definition.get("environment", {}).get("secrets") or {})
        rows.append({"service": service.name, **row})
    return rows


def _folder(item: dict[str, Any]) -> str:
    return f"{item.get('storage_provider', '')}:{item.get('path', '')}"
