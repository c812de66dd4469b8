"""The command with a cluster on record: a local one of the test file, or one with a store on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Caller, Runner
from tests.local.harness import LocalCluster
from tests.support.s3_servers import Server
from tests.support.stored_service import StoredService, stored_service


@pytest.fixture
def known(call: Caller, local: LocalCluster) -> Caller:
    """The command in this process, with the local cluster as its default one."""
    local.become_known(call)
    return call


@pytest.fixture
def real(run: Runner, local: LocalCluster) -> Runner:
    """The command in processes of its own, with the local cluster as its default one."""
    local.become_known(run)
    return run


@pytest.fixture
def svc(run: Runner, store: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoredService]:
    """A service whose files are in the store, and its world as the folder to work in."""
    monkeypatch.chdir(run.home)
    with stored_service(run, store) as service:
        yield service
