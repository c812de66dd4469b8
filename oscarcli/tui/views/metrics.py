"""What each service of a cluster consumed in the last 24 hours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from oscarcli.output.table import Column
from oscarcli.tui.views.base import ResourceView

if TYPE_CHECKING:
    from textual.screen import Screen


class MetricsView(ResourceView):
    """Services, by how often they were called."""

    title = "metrics of the last 24 h"
    # The queries behind the numbers may take long.
    seconds: ClassVar[float] = 120.0
    columns: ClassVar[Sequence[Column]] = (
        Column("SERVICE", "key"),
        Column("CALLS", "requests_count_total", is_number=True),
        Column("SYNC", "requests_count_sync", is_number=True),
        Column("ASYNC", "requests_count_async", is_number=True),
        Column("EXPOSED", "requests_count_exposed", is_number=True),
        Column("USERS", "unique_users_count", is_number=True),
        Column("MEMBERSHIP", "membership"),
    )

    def load(self) -> Sequence[dict[str, Any]]:
        """Return an item for each service."""
        from oscarcli.api.metrics import get_breakdown

        found = get_breakdown(self.access.connect(self.cluster), "service", {}).get("items")
        return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []

    def key(self, item: dict[str, Any]) -> str:
        """Return the service's name."""
        return str(item.get("key"))

    def describe(self, item: dict[str, Any]) -> Screen[None]:
        """Show all metrics of a service."""
        from oscarcli.api.metrics import get_service_metrics
        from oscarcli.tui.screens.document import DocumentScreen

        name = self.key(item)
        return DocumentScreen(
            self.access,
            f"metrics of {name}",
            f"oscar-cli metrics service {name} -c {self.cluster}",
            lambda: get_service_metrics(self.access.connect(self.cluster), name, {}),
        )

    def open(self, item: dict[str, Any]) -> Screen[None]:
        """Show all metrics of a service."""
        return self.describe(item)

    def words(self, item: dict[str, Any] | None) -> dict[str, str]:
        """Return the service as commands call it."""
        return {} if item is None else {"SERVICE_NAME": self.key(item)}
