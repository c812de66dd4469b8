"""Volumes that services mount."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from oscarcli.coercion import as_mapping
from oscarcli.output.table import Column
from oscarcli.tui.views.base import ResourceView, RowCommand

if TYPE_CHECKING:
    from textual.screen import Screen


class VolumesView(ResourceView):
    """Volumes."""

    title = "volumes"
    columns: ClassVar[Sequence[Column]] = (
        Column("NAME", "name"),
        Column("SIZE", "size", is_number=True),
        Column("STATUS", lambda volume: as_mapping(volume.get("status")).get("phase")),
        Column("OWNER", "owner_user"),
        Column("CREATED BY", "created_by_service"),
    )
    commands: ClassVar = {
        "d": RowCommand("volume delete {VOLUME_NAME}", "Delete"),
        "c": RowCommand("volume create ", "Create", is_ready=False),
    }

    def load(self) -> Sequence[dict[str, Any]]:
        """Return the volumes."""
        from oscarcli.api.volumes import list_volumes

        return list_volumes(self.access.connect(self.cluster))

    def describe(self, item: dict[str, Any]) -> Screen[None]:
        """Show a volume, with the services that mount it."""
        from oscarcli.api.volumes import get_volume
        from oscarcli.tui.screens.document import DocumentScreen

        name = str(item.get("name"))
        return DocumentScreen(
            self.access,
            f"volume {name}",
            f"oscar-cli volume get {name} -c {self.cluster}",
            lambda: get_volume(self.access.connect(self.cluster), name),
        )

    def open(self, item: dict[str, Any]) -> Screen[None]:
        """Show a volume, with the services that mount it."""
        return self.describe(item)

    def words(self, item: dict[str, Any] | None) -> dict[str, str]:
        """Return the name as commands call it."""
        return {} if item is None else {"VOLUME_NAME": str(item.get("name"))}
