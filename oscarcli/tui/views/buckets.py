"""The buckets of a cluster's object store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from oscarcli.api.buckets import bucket_name
from oscarcli.output.table import Column
from oscarcli.tui.views.base import ResourceView, RowCommand
from oscarcli.tui.views.files import FilesView

if TYPE_CHECKING:
    from textual.screen import Screen


class BucketsView(ResourceView):
    """Buckets; each leads to its files."""

    title = "buckets"
    columns: ClassVar[Sequence[Column]] = (
        Column("NAME", bucket_name),
        Column("VISIBILITY", "visibility"),
        Column("OWNER", "owner"),
        Column("ALLOWED USERS", "allowed_users"),
    )
    commands: ClassVar = {
        "d": RowCommand("bucket delete {BUCKET_NAME}", "Delete"),
        "u": RowCommand("bucket put-file {BUCKET_NAME} ", "Upload", is_ready=False),
        "c": RowCommand("bucket create ", "Create", is_ready=False),
    }

    def load(self) -> Sequence[dict[str, Any]]:
        """Return the buckets by name."""
        from oscarcli.api.buckets import list_buckets

        found = list_buckets(self.access.connect(self.cluster))
        return sorted(found, key=lambda bucket: (bucket_name(bucket).lower(), bucket_name(bucket)))

    def key(self, item: dict[str, Any]) -> str:
        """Return the bucket's name."""
        return bucket_name(item)

    def open(self, item: dict[str, Any]) -> ResourceView:
        """Show what is in a bucket."""
        return FilesView(self.access, self.cluster, bucket_name(item))

    def describe(self, item: dict[str, Any]) -> Screen[None]:
        """Show what the list says of a bucket."""
        from oscarcli.tui.screens.document import DocumentScreen

        command = f"oscar-cli bucket list -o yaml -c {self.cluster}"
        return DocumentScreen(self.access, f"bucket {bucket_name(item)}", command, lambda: item)

    def words(self, item: dict[str, Any] | None) -> dict[str, str]:
        """Return the name as commands call it."""
        return {} if item is None else {"BUCKET_NAME": bucket_name(item)}
