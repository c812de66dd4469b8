"""A hub whose repository is that of the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.github import GitHub
from tests.support.server import ScriptedServer


@pytest.fixture
def hub(server: ScriptedServer) -> Iterator[GitHub]:
    """The API and the host of archives; tests say what is served."""
    with ScriptedServer() as archives:
        yield GitHub(server, archives)
