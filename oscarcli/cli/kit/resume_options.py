"""`--restart`, and where interrupted transfers of this user are remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.kit.session import Session

if TYPE_CHECKING:
    from oscarcli.storage.journal import TransferJournals

FOLDER = "transfers"

RestartOption = Annotated[
    bool, typer.Option("--restart", help="Forget what an interrupted run transferred, and begin anew.")
]


def transfer_journals(session: Session, *, restart: bool = False) -> TransferJournals | None:
    """Return the journals of this user's transfers, `None` when there is no place for them."""
    from oscarcli.config.private import cache_home
    from oscarcli.storage.journal import TransferJournals

    home = cache_home(session.environ)
    return TransferJournals(home / FOLDER, session.note, restart=restart) if home else None
