"""Documents about a cluster as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oscarcli.api.client import Client
from oscarcli.api.quotas import get_quota
from oscarcli.api.system import get_info, get_status
from oscarcli.tui.access import Access
from oscarcli.tui.screens.document import DocumentScreen

# Each with the command that shows it.
DOCUMENTS: dict[str, tuple[str, Callable[[Client], dict[str, Any]]]] = {
    "info": ("cluster info", get_info),
    "status": ("cluster status -o yaml", get_status),
    "quota": ("quota get", get_quota),
}


def cluster_document(access: Access, cluster: str, name: str) -> DocumentScreen:
    """Return the screen of a document, one of `DOCUMENTS`."""
    command, get = DOCUMENTS[name]
    return DocumentScreen(
        access,
        f"{name} of {cluster}",
        f"oscar-cli {command} -c {cluster}",
        lambda: get(access.connect(cluster)),
    )
