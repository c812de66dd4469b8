"""The clusters on record, and whether each answers."""

from __future__ import annotations

import threading
import time
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

# Seconds for a cluster to say how it is, and seconds until what others said by then is shown.
HEALTH_SECONDS = 4.0
STEP_SECONDS = 0.4
NO_ANSWER, NOT_KNOWN_YET = "no answer", "…"


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
        self._is_first = True
        self._states: dict[str, str] = {}
        self._asking: list[threading.Thread] = []

    def load(self) -> Sequence[ClusterState]:
        """Return the clusters: at once the first time, then with what they have said of themselves so far."""
        if self._is_first:
            self._is_first = False
        else:
            self._look()
        return [
            ClusterState(one, self._states.get(name, NOT_KNOWN_YET), name == self.access.start)
            for name, one in self.access.clusters.items()
        ]

    def _look(self) -> None:
        """Ask all clusters, unless some are being asked, and wait a moment for what they say."""
        if not self._asking:
            self.access.reread()
            self._ask()
        deadline = time.monotonic() + STEP_SECONDS
        for thread in self._asking:
            thread.join(max(deadline - time.monotonic(), 0))
        self.is_partial = any(thread.is_alive() for thread in self._asking)
        if not self.is_partial:
            self._asking = []

    def _ask(self) -> None:
        """Ask all clusters at once; threads of a pool would keep the program from ending."""

        def ask(cluster: Cluster) -> None:
            self._states[cluster.identifier] = self._state(cluster)

        clusters = self.access.clusters.values()
        self._asking = [threading.Thread(target=ask, args=(one,), daemon=True) for one in clusters]
        for thread in self._asking:
            thread.start()

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
