"""The cluster's own object store, where the buckets are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oscarcli.cli.kit.resume_options import transfer_journals
from oscarcli.cli.kit.session import Session

if TYPE_CHECKING:
    from oscarcli.storage.base import Storage


def object_store(session: Session, *, restart: bool = False) -> Storage:
    """Return the store, with the keys that the cluster gives this login.

    Args:
        session: of this run.
        restart: whether transfers that were interrupted begin anew.
    """
    from oscarcli.jobs.service_storage import storage_at
    from oscarcli.storage.provider import DEFAULT_PROVIDER

    return storage_at(
        session.api,
        DEFAULT_PROVIDER,
        {},
        tls=session.cluster.tls,
        timeout=session.timeout,
        tell=session.note,
        note=session.verbose_note,
        journals=transfer_journals(session, restart=restart),
    )
