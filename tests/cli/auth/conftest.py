"""A provider to log in with."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from oscarcli.config.model import TlsSettings
from oscarcli.http.connection import open_connection
from tests.support.oidc import ScriptedProvider


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    """An OpenID provider; the test fails when it got a call that no provider knows."""
    with ScriptedProvider() as scripted:
        yield scripted
        scripted.verify()


@pytest.fixture
def connection(provider: ScriptedProvider) -> Iterator[httpx.Client]:
    """What asks it."""
    with open_connection(provider.url, TlsSettings()) as opened:
        yield opened
