"""The services of a cluster, with the state of what runs for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from oscarcli.coercion import as_mapping
from oscarcli.output.table import Column
from oscarcli.tui.views.base import ResourceView, RowCommand
from oscarcli.tui.views.jobs import JobsView

if TYPE_CHECKING:
    from textual.screen import Screen


def _deployment(service: dict[str, Any]) -> Any:
    return as_mapping(service.get("deployment"))


class ServicesView(ResourceView):
    """Services; each leads to its jobs."""

    title = "services"
    columns: ClassVar[Sequence[Column]] = (
        Column("NAME", "name"),
        Column("STATE", lambda service: _deployment(service).get("state")),
        Column("CPU", "cpu", is_number=True),
        Column("MEMORY", "memory", is_number=True),
        Column("IMAGE", "image"),
        Column("REASON", lambda service: _deployment(service).get("reason")),
    )
    commands: ClassVar = {
        "d": RowCommand("service delete {SERVICE_NAME}", "Delete", takes_many=True),
        "u": RowCommand("service put-file {SERVICE_NAME} ", "Upload", is_ready=False),
        "x": RowCommand("service run {SERVICE_NAME} -i ", "Run", is_ready=False),
        "E": RowCommand("service edit {SERVICE_NAME}", "Edit"),
        "t": RowCommand("service deployment status {SERVICE_NAME}", "Deployment"),
        "h": RowCommand("service deployment logs {SERVICE_NAME}", "Deployment log"),
        "c": RowCommand("apply ", "Apply", is_ready=False),
    }

    def load(self) -> Sequence[dict[str, Any]]:
        """Return the services."""
        from oscarcli.api.services import list_services

        return list_services(self.access.connect(self.cluster), include_deployment=True)

    def open(self, item: dict[str, Any]) -> ResourceView:
        """Show the jobs of a service."""
        return JobsView(self.access, self.cluster, str(item.get("name")))

    def describe(self, item: dict[str, Any]) -> Screen[None]:
        """Show the definition of a service as it is now."""
        from oscarcli.api.services import get_service
        from oscarcli.tui.screens.document import DocumentScreen

        name = str(item.get("name"))
        client = self.access.connect
        return DocumentScreen(
            self.access,
            f"service {name}",
            f"oscar-cli service get {name} -c {self.cluster}",
            lambda: get_service(client(self.cluster), name, include_deployment=True),
        )

    def words(self, item: dict[str, Any] | None) -> dict[str, str]:
        """Return the name as commands call it."""
        return {} if item is None else {"SERVICE_NAME": str(item.get("name"))}
