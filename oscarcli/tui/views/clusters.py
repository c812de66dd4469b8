"""The clusters on record, and whether each answers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from oscarcli.config.model import Cluster
from oscarcli.errors import OscarError
from oscarcli.output.table import Column
from oscarcli.threads import within
from oscarcli.tui.access import Access
from oscarcli.tui.views.base import ResourceView, RowCommand
from oscarcli.tui.views.services import ServicesView

# Seconds for a cluster to say how it is; a list of many is not held up by one that is dead.
HEALTH_SECONDS = 4.0
NO_ANSWER = "no answer"


@dataclass(frozen=True)
class ClusterState:
    """A cluster, and what it said when it was asked how it is."""

    cluster: Cluster
    state: str
    is_start: bool


class ClustersView(ResourceView):
    """Where everything begins."""

    title = "clusters"
    columns: ClassVar[Sequence[Column]] = (
        Column("NAME", lambda one: one.cluster.identifier),
        Column("STATE", lambda one: one.state),
        Column("ENDPOINT", lambda one: one.cluster.shown_endpoint),
        Column("LOGIN", lambda one: one.cluster.login),
        Column("CHOSEN", lambda one: "yes" if one.is_start else None),
    )
    commands: ClassVar = {
        "d": RowCommand("cluster delete {IDENTIFIER}", "Forget", is_ready=False),
        "c": RowCommand("cluster add ", "Add", is_ready=False),
        "t": RowCommand("doctor -c {IDENTIFIER}", "Doctor"),
    }

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        self.is_partial = True

    def load(self) -> Sequence[ClusterState]:
        """Return the clusters: at once the first time, then with what they say of themselves."""
        clusters = list(self.access.clusters.values())
        if self.is_partial:
            self.is_partial = False
            states = ["…"] * len(clusters)
        else:
            states = self._states(clusters)
        return [
            ClusterState(cluster, state, cluster.identifier == self.access.start)
            for cluster, state in zip(clusters, states, strict=True)
        ]

    def _states(self, clusters: Sequence[Cluster]) -> list[str]:
        """Ask all clusters at once; threads of a pool would keep the program from ending."""
        states: dict[str, str] = {}

        def ask(cluster: Cluster) -> None:
            states[cluster.identifier] = self._state(cluster)

        threads = [threading.Thread(target=ask, args=(one,), daemon=True) for one in clusters]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [states.get(cluster.identifier, NO_ANSWER) for cluster in clusters]

    def _state(self, cluster: Cluster) -> str:
        from oscarcli.api.system import get_health

        try:
            client = self.access.connect(cluster.identifier)
            found = within(HEALTH_SECONDS, lambda: get_health(client, seconds=HEALTH_SECONDS))
        except (OscarError, TimeoutError):
            return NO_ANSWER
        return "ok" if found.is_well else "unhealthy"

    def key(self, item: ClusterState) -> str:
        """Return the id."""
        return item.cluster.identifier

    def open(self, item: ClusterState) -> ResourceView:
        """Show the services of a cluster."""
        return ServicesView(self.access, item.cluster.identifier)

    def words(self, item: ClusterState | None) -> dict[str, str]:
        """Return the id as commands call it."""
        return {} if item is None else {"IDENTIFIER": item.cluster.identifier}
