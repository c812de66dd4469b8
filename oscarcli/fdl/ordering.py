"""The order in which services that share buckets have to be made (`job-runtime` 2.4, `oscar-api` 5.1).

A server refuses a new service whose input or output bucket is there already, and hands the events of a
bucket only to the service that was made with it as input. A later update may name any bucket. So the service
that reads from a bucket comes first, and one that writes into it is made without that output and updated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from oscarcli.fdl.folders import folders
from oscarcli.fdl.normalise import BUCKET_PROVIDERS, full_path, provider_of

if TYPE_CHECKING:
    from oscarcli.fdl.actions import Action

# Type and id of the provider, and the bucket's name.
Bucket = tuple[str, str, str]


@dataclass(frozen=True)
class _Uses:
    """The buckets of a service."""

    inputs: frozenset[Bucket] = frozenset()
    outputs: frozenset[Bucket] = frozenset()
    mounts: frozenset[Bucket] = frozenset()

    @property
    def all(self) -> frozenset[Bucket]:
        """Every bucket of it."""
        return self.inputs | self.outputs | self.mounts


@dataclass
class _Needs:
    """Services that have to be there before another one: at all, and for some of its outputs only."""

    at_all: set[str] = field(default_factory=set)
    for_outputs: set[str] = field(default_factory=set)


def in_order(actions: Sequence[Action], stored: Sequence[Mapping[str, Any]]) -> list[Action]:
    """Return the steps of one cluster in an order that it accepts, as near to that of the file as can be.

    A step that creates a service may get `beginning`, the definition to create it with before it is updated
    to the whole one; each step gets `needs`, the services whose steps have to succeed before.

    Args:
        actions: steps that create, edit or leave services alone.
        stored: what the cluster has of these services.
    """
    there = frozenset(bucket for document in stored for bucket in _uses(document).all)
    uses = {action.name: _uses(action.definition or {}) for action in actions}
    makers = _makers(actions, uses, there)
    ordered: list[Action] = []
    needs = {action.name: _needs(action, uses[action.name], makers) for action in actions}
    for action in _sorted(actions, needs):
        own = uses[action.name]
        foreign = {b for b in own.outputs - own.inputs if makers.get(b, action.name) != action.name}
        foreign |= (own.outputs - own.inputs) & there
        needed = needs[action.name]
        step = replace(action, needs=tuple(sorted(needed.at_all | needed.for_outputs)))
        if action.kind == "create" and foreign:
            step = replace(step, beginning=_without_outputs(action.definition or {}, foreign))
        ordered.append(step)
    return ordered


def _uses(definition: Mapping[str, Any]) -> _Uses:
    name = str(definition.get("name") or "")
    return _Uses(*(frozenset(_buckets(definition, key, name)) for key in ("input", "output", "mount")))


def _buckets(definition: Mapping[str, Any], key: str, name: str) -> Iterator[Bucket]:
    for _, folder in folders(definition, key):
        bucket = bucket_of(folder, name)
        if bucket is not None:
            yield bucket


def bucket_of(folder: Mapping[str, Any], service: str) -> Bucket | None:
    """Return the bucket of an input, output or mount, `None` where its storage has none."""
    kind, identifier = provider_of(folder)
    bucket = full_path(folder, service).partition("/")[0]
    return (kind, identifier, bucket) if kind in BUCKET_PROVIDERS and bucket else None


def _makers(
    actions: Sequence[Action], uses: Mapping[str, _Uses], there: frozenset[Bucket]
) -> dict[Bucket, str]:
    """Return the service that has to make each bucket: the first that reads from it, else that writes."""
    new = [action.name for action in actions if action.kind == "create"]
    makers: dict[Bucket, str] = {}
    for name in new:
        for bucket in uses[name].inputs - there:
            makers.setdefault(bucket, name)
    for name in new:
        for bucket in uses[name].outputs - there:
            makers.setdefault(bucket, name)
    return makers


def _needs(action: Action, uses: _Uses, makers: Mapping[Bucket, str]) -> _Needs:
    def of(buckets: frozenset[Bucket]) -> set[str]:
        return {makers[bucket] for bucket in buckets if bucket in makers} - {action.name}

    if action.kind == "create":
        return _Needs(of(uses.mounts), of(uses.outputs - uses.inputs))
    # An update makes the buckets that are missing, and then their maker would be refused.
    return _Needs(of(uses.mounts | uses.outputs)) if action.kind == "edit" else _Needs()


def _sorted(actions: Sequence[Action], needs: Mapping[str, _Needs]) -> Iterator[Action]:
    """Yield what needs nothing that is still to come; in a circle, what can begin without its outputs."""
    waiting = list(actions)
    while waiting:
        names = {action.name for action in waiting}
        chosen = next(
            (a for a in waiting if not (needs[a.name].at_all | needs[a.name].for_outputs) & names),
            next((a for a in waiting if not needs[a.name].at_all & names), waiting[0]),
        )
        waiting.remove(chosen)
        yield chosen


def _without_outputs(definition: Mapping[str, Any], foreign: set[Bucket]) -> dict[str, Any]:
    name = str(definition.get("name") or "")
    kept = [folder for folder in definition["output"] if bucket_of(folder, name) not in foreign]
    return {**definition, "output": kept}


def left_out(action: Action) -> list[str]:
    """Return the paths of the outputs that a service is created without at first."""
    if action.beginning is None:
        return []
    kept = action.beginning["output"]
    return [str(folder["path"]) for folder in (action.definition or {})["output"] if folder not in kept]
