"""What the exposed services of a cluster share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from oscarcli.local.exposed.ports import PortLeases
from oscarcli.local.jobs.attachments import Attachments
from oscarcli.local.jobs.placement import Placements
from oscarcli.local.services.definition import Definition


@dataclass(frozen=True)
class PodEnvironment:
    """What deployments share.

    Attributes:
        folder: where each has a folder of its own.
        placements: tells what runs a service.
        attachments: lead it to its volume and its mount.
        ports: those of this machine.
        unmet_requirement: asked with a definition, says what it needs that is not here, or `None`.
    """

    folder: Path
    placements: Placements
    attachments: Attachments
    ports: PortLeases
    unmet_requirement: Callable[[Definition], str | None]
