"""`--name`: another name for a service, and with it for the bucket it was named after (`cli-surface` 5.5)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from oscarcli.errors import UsageError
from oscarcli.fdl.folders import folders
from oscarcli.fdl.rules import name_error
from oscarcli.fdl.service import ServiceDefinition


def renamed(services: Sequence[ServiceDefinition], names: Sequence[str]) -> list[ServiceDefinition]:
    """Return the services under their new names.

    Args:
        services: those of a file.
        names: one new name for a file's only service, or `OLD=NEW` for each service to rename.

    Raises:
        UsageError: a name is not possible, unknown, or does not say which of several services it is for.
    """
    # As everywhere, an option with nothing in it is as good as none.
    names = [name for name in names if name]
    if not names:
        return list(services)
    wanted = _mapping(services, names)
    for new in wanted.values():
        wrong = name_error(new) if new else "a name cannot be empty"
        if wrong:
            raise UsageError(f"--name: {wrong}")
    return [_with_name(service, wanted.get(service.name, service.name)) for service in services]


def _mapping(services: Sequence[ServiceDefinition], names: Sequence[str]) -> dict[str, str]:
    known = list(dict.fromkeys(service.name for service in services))
    if len(names) == 1 and "=" not in names[0]:
        if len(known) > 1:
            raise UsageError(
                f'--name "{names[0]}" would give {len(known)} services one name',
                hint=f"say which: {' '.join(f'--name {name}=NEW' for name in known)}",
            )
        return {known[0]: names[0]}
    wanted: dict[str, str] = {}
    for name in names:
        old, equals, new = name.partition("=")
        if not equals:
            raise UsageError(f'--name "{name}" stands beside others', hint="write each as --name OLD=NEW")
        if old not in known:
            raise UsageError(
                f'--name "{name}": the file has no service "{old}"', hint=f"it has {', '.join(known)}"
            )
        if wanted.setdefault(old, new) != new:
            raise UsageError(f'--name gives "{old}" two new names')
    return wanted


def _with_name(service: ServiceDefinition, new: str) -> ServiceDefinition:
    old = service.name
    if new == old:
        return service
    definition = copy.deepcopy(service.definition)
    bucket = _primary_bucket(definition, old)
    definition["name"] = new
    for key, folder in folders(definition, "output", "input", "mount"):
        lead, first, rest = _parts(folder.get("path", ""))
        named_after = bucket if rest.strip(" /") or key == "mount" else old
        if first.lower() == named_after.lower():
            folder["path"] = f"{lead}{new}{rest}"
    return replace(service, definition=definition)


def _primary_bucket(definition: dict[str, Any], name: str) -> str:
    """Return the bucket of the first output, else of the first input, else of the mount, else the name."""
    for key, folder in folders(definition, "output", "input", "mount"):
        _, bucket, rest = _parts(folder.get("path", ""))
        # The server takes a path without a slash as a folder of the bucket that is called like the service.
        return bucket if bucket and (key == "mount" or rest.strip(" /")) else name
    return name


def _parts(path: str) -> tuple[str, str, str]:
    """Return leading slashes and blanks, the first segment, and the rest with its slash."""
    body = path.lstrip("/ ")
    bucket, slash, rest = body.partition("/")
    return path[: len(path) - len(body)], bucket, slash + rest
