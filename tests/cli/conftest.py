"""A manager that plays a cluster, for tests of the commands that take an FDL."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import Caller
from tests.support.manager import Cluster, clusters, record


@pytest.fixture
def make_cluster() -> Iterator[Callable[[], Cluster]]:
    """Return a function that starts a cluster."""
    with clusters() as make:
        yield make


@pytest.fixture
def cluster(make_cluster: Callable[[], Cluster], call: Caller) -> Cluster:
    """A cluster that is on record as `oscar-cluster`, the default one."""
    cluster = make_cluster()
    record(call, {"oscar-cluster": cluster})
    return cluster
