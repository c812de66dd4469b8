"""What somebody may have meant by a name that the cluster does not have: one look at its list, no more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from typing import TYPE_CHECKING

from oscarcli.cli.kit.destructive import MAX_SUGGESTIONS, VERBS
from oscarcli.errors import NotFoundError

if TYPE_CHECKING:
    from oscarcli.api.client import Client
    from oscarcli.cli.kit import click
    from oscarcli.cli.kit.session import Session
    from oscarcli.errors import MissingName, OscarError

# Nobody waits longer for a suggestion.
MAX_SECONDS = 2.0
# A shorter part of a name is a part of many.
MIN_PART_CHARACTERS = 3
# How much of a part has to be alike: nearly all of it, for there are many parts.
MIN_PART_RATIO = 0.8
# What a suggestion may look like: it is typed again.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
SUGGESTION = re.compile(r"^did you mean [^?]*\? ?")


def suggest_names(ctx: click.Context, session: Session, error: OscarError) -> None:
    """Begin the hint of an error with the names that are like the one that does not exist.

    Nothing is suggested to a command that destroys, and what its hint suggests already is taken out. Whatever
    fails or takes long here leaves the error as it is.

    Args:
        ctx: of the command that failed.
        session: of this run; its client answers when it has exactly one.
        error: what the command failed with.
    """
    if _destroys(ctx):
        error.hint = SUGGESTION.sub("", error.hint) or None if error.hint else None
        return
    client = session.only_client
    if not isinstance(error, NotFoundError) or error.missing is None or client is None:
        return
    close = close_names(error.missing.name, _known_names(client, error.missing))
    if close:
        suggestion = f"did you mean {' or '.join(close)}?"
        error.hint = f"{suggestion} {error.hint}" if error.hint else suggestion


def _destroys(ctx: click.Context) -> bool:
    verb = (ctx.command.name or "").partition(",")[0]
    return verb in VERBS or bool(ctx.params.get("delete"))


def _known_names(client: Client, missing: MissingName) -> list[str]:
    from oscarcli.threads import within

    names: Iterable[str] = missing.known or ()
    if missing.known is None:
        with suppress(Exception):
            # The error that is being told is the one that counts.
            names = within(MAX_SECONDS, lambda: list(_LISTS[missing.kind](client, missing)))
    return [name for name in names if NAME.fullmatch(name)]


def close_names(name: str, known: Iterable[str]) -> list[str]:
    """Return the names that somebody may have meant, nearest first.

    Args:
        name: what was typed.
        known: the names there are.
    """
    typed = name.lower()
    by_lower = {one.lower(): one for one in known if one != name}
    near = get_close_matches(typed, by_lower, n=MAX_SUGGESTIONS)
    if len(typed) >= MIN_PART_CHARACTERS and not near:
        near = _near_parts(typed, by_lower)
    if len(typed) >= MIN_PART_CHARACTERS:
        near += [one for one in by_lower if typed in one and one not in near]
    return [by_lower[one] for one in near[:MAX_SUGGESTIONS]]


def _near_parts(typed: str, names: Iterable[str]) -> list[str]:
    """Return the names that begin, or go on behind a hyphen, like what was typed: names of jobs are long."""
    parts: dict[str, list[str]] = {}
    for name in names:
        for place in (0, *(hyphen.end() for hyphen in re.finditer("-", name))):
            parts.setdefault(name[place : place + len(typed)], []).append(name)
    close = get_close_matches(typed, parts, n=len(parts) or 1, cutoff=MIN_PART_RATIO)
    found = list(dict.fromkeys(name for part in close for name in parts[part]))
    # Any of many tells nothing.
    return found if len(found) <= MAX_SUGGESTIONS else []


def _services(client: Client, _: MissingName) -> Iterable[str]:
    from oscarcli.api.services import list_services

    return (str(one.get("name")) for one in list_services(client))


def _jobs(client: Client, missing: MissingName) -> Iterable[str]:
    from oscarcli.api.jobs import some_jobs

    return some_jobs(client, missing.service)


def _buckets(client: Client, _: MissingName) -> Iterable[str]:
    from oscarcli.api.buckets import bucket_name, list_buckets

    return map(bucket_name, list_buckets(client))


def _volumes(client: Client, _: MissingName) -> Iterable[str]:
    from oscarcli.api.volumes import list_volumes

    return (str(one.get("name")) for one in list_volumes(client))


_LISTS: Mapping[str, Callable[[Client, MissingName], Iterable[str]]] = {
    "service": _services,
    "job": _jobs,
    "bucket": _buckets,
    "volume": _volumes,
}
