"""What a list on the screen is: its columns, where its rows come from, and what a row leads to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from oscarcli.output.table import Column

if TYPE_CHECKING:
    from textual.screen import Screen

    from oscarcli.tui.access import Access
    from oscarcli.tui.archive import ArchiveMember


@dataclass(frozen=True)
class RowCommand:
    """A key that runs a command of the command line about the row under the cursor.

    Args:
        words: the command, with arguments in braces, such as "service delete {SERVICE_NAME}".
        label: what it does, in the line of keys and in the help.
        is_ready: whether it is run at once; else it is shown first, to be completed or looked at. What
            destroys something is run at once only where it asks by itself.
        takes_many: whether the last argument stands for all marked rows.
    """

    words: str
    label: str
    is_ready: bool = True
    takes_many: bool = False


class ResourceView:
    """One list.

    Args:
        access: the way to clusters.
        cluster: the cluster's id; empty where the list is about none.
    """

    title: ClassVar[str] = ""
    # Seconds that loading may take in all.
    seconds: ClassVar[float] = 30.0
    columns: ClassVar[Sequence[Column]] = ()
    commands: ClassVar[Mapping[str, RowCommand]] = {}

    def __init__(self, access: Access, cluster: str = "") -> None:
        self.access, self.cluster = access, cluster
        # Whether there is more to be known, which another look brings.
        self.is_partial = False
        # Something to know about what is shown.
        self.note = ""

    @property
    def crumb(self) -> str:
        """How the line of the way here calls it."""
        return self.title

    def load(self) -> Sequence[Any]:
        """Return the items; called in a thread of its own. Raises OscarError."""
        raise NotImplementedError

    def key(self, item: Any) -> str:
        """Return what tells an item from the others, also when it has changed."""
        return str(item.get("name"))

    def is_settled(self, _item: Any) -> bool:
        """Tell whether an item's row stays as it is for as long as the item does."""
        return True

    def open(self, _item: Any) -> ResourceView | Screen[None] | None:
        """Return what Enter shows of an item."""
        return None

    def describe(self, _item: Any) -> Screen[None] | None:
        """Return a screen with all that is known of an item; `None` where the list has it all."""
        return None

    # -- archive -------------------------------------------------------------------------------------

    @property
    def archive_name(self) -> str:
        """What a zip of marked rows is called; empty where rows are no files."""
        return ""

    def members(self, _items: Sequence[Any]) -> Sequence[ArchiveMember]:
        """Return the files of rows, for an archive; called in a thread of its own. Raises OscarError."""
        return ()

    def archive_command(self, _items: Sequence[Any]) -> str:
        """Return the command line that brings the files of rows."""
        return ""

    def words(self, _item: Any | None) -> dict[str, str]:
        """Return what an item is called in the usage of commands, such as SERVICE_NAME."""
        return {}
