"""Exposed services on the host, at free ports."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.local.harness import LocalCluster, wait_for
from tests.support import echo_service
from tests.support.ports import free_port

Document = dict[str, Any]


def deployment(cluster: LocalCluster, name: str) -> Document:
    """Return a service's deployment."""
    document: Document = cluster.api.get(f"/system/services/{name}/deployment").json()
    return document


def reaches(cluster: LocalCluster, name: str, state: str) -> Document:
    """Return a service's deployment once it has a state."""
    document: Document = wait_for(
        lambda: (found := deployment(cluster, name))["state"] == state and found, f"{name} to be {state}"
    )
    return document


def printed(cluster: LocalCluster, name: str) -> list[str]:
    """Return what a service printed, and what was noted about it."""
    document = cluster.api.get(f"/system/services/{name}/deployment/logs").json()
    return [entry["message"] for entry in document["entries"]]


Expose = Callable[..., int]


@pytest.fixture
def expose(cluster: LocalCluster) -> Expose:
    """Create a service that echoes; returns its port."""

    def expose(name: str, script: str = "", port: int = 0, **members: Any) -> int:
        port = port or free_port()
        script = script or f"#!/bin/sh\nexec {sys.executable} {Path(echo_service.__file__)} {port}\n"
        given = {"api_port": [port], "min_scale": 1, "max_scale": 1, "cpu_threshold": 80, **members}
        cluster.create(name, script, expose=given, input=[], output=[])
        return port

    return expose


@pytest.fixture
def echo(cluster: LocalCluster, expose: Expose) -> None:
    """The service that the tests of a file share, made by the first."""
    if cluster.api.get("/system/services/echo").status_code == 404:
        expose("echo", health_path="/health")
        reaches(cluster, "echo", "ready")
