"""The steps of a plan: what is done to one service of one cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from oscarcli.errors import OscarError
from oscarcli.fdl.compare import Comparison

ActionKind = Literal["create", "edit", "none", "check", "delete"]


@dataclass(frozen=True)
class Action:
    """One step.

    Attributes:
        kind: what to do; `none` for a service that is as wanted, `check` for one of which it could not be
            found out whether it exists.
        cluster_id: the cluster.
        name: the service.
        definition: what to send.
        comparison: how it differs from what is there.
        beginning: what to create the service with, before it is updated to `definition` (`ordering.py`).
        needs: services of the same cluster whose steps have to succeed first.
        version: the server's version, where it matters.
        error: why it cannot be done.
        tried: whether the server was asked at all.
    """

    kind: ActionKind
    cluster_id: str
    name: str
    definition: Mapping[str, Any] | None = None
    comparison: Comparison | None = None
    beginning: Mapping[str, Any] | None = None
    needs: tuple[str, ...] = ()
    version: str | None = None
    error: OscarError | None = None
    tried: bool = True

    @property
    def key(self) -> tuple[str, str]:
        """What identifies the service: cluster and name."""
        return (self.cluster_id, self.name)
