"""The nodes of a cluster with their load."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from oscarcli.output.cluster_status import ClusterNode, nodes
from oscarcli.output.table import Column
from oscarcli.tui.views.base import ResourceView

if TYPE_CHECKING:
    from textual.screen import Screen


class NodesView(ResourceView):
    """Nodes, as `/system/status` tells of them."""

    title = "nodes"
    columns: ClassVar[Sequence[Column]] = (
        Column("NODE", lambda node: node.name),
        Column("STATUS", lambda node: node.status),
        Column("CPU USED", lambda node: node.cpu.text),
        Column("MEMORY USED", lambda node: node.memory.text),
        Column("GPU", lambda node: node.gpu),
    )

    def load(self) -> Sequence[ClusterNode]:
        """Return the nodes."""
        from oscarcli.api.system import get_status

        return nodes(get_status(self.access.connect(self.cluster)))

    def key(self, item: ClusterNode) -> str:
        """Return the node's name."""
        return str(item.name)

    def describe(self, _item: ClusterNode) -> Screen[None]:
        """Show all that the cluster says of its load."""
        from oscarcli.api.system import get_status
        from oscarcli.tui.screens.document import DocumentScreen

        return DocumentScreen(
            self.access,
            f"status of {self.cluster}",
            f"oscar-cli cluster status -o yaml -c {self.cluster}",
            lambda: get_status(self.access.connect(self.cluster)),
        )
