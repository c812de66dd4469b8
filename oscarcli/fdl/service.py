"""One service of an FDL: what every step between a file and a cluster hands on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ServiceDefinition:
    """One service of an FDL.

    Attributes:
        cluster_key: the key it stands under: a cluster's id, or `default-cluster`.
        definition: what the server is to be sent, `script` holding the script itself.
        line: the line of that key.
        path: the key path, such as `functions.oscar[0].my-cluster`.
    """

    cluster_key: str
    definition: dict[str, Any]
    line: int
    path: str

    @property
    def name(self) -> str:
        """The service's name."""
        return str(self.definition.get("name", ""))
