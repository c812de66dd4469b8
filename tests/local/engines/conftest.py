"""A local cluster for each engine that is here, and images to run on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from oscarcli.local.jobs.engine import selection
from tests.local.harness import LocalCluster, open_cluster
from tests.support.docker_daemon import DaemonError, docker_variables
from tests.support.images import (
    missing_engine,
    missing_program,
    podman_variables,
    udocker_variables,
    write_archive,
)

# Those whose containers are bound files that they cannot write to, where these are only to be read.
READ_ONLY = ("podman", "docker", "apptainer", "singularity")
# Charliecloud starts quickest. The others take three times as long each, so the run of every day has one.
ENGINES = ("charliecloud", "podman", "udocker", "docker", "apptainer", "singularity")
DAILY = next((name for name in ENGINES if not missing_program(name)), ENGINES[0])


@dataclass
class Images:
    """Archives of images, made once each."""

    folder: Path

    def archive(self, name: str, *, shell: bool = True, **config: Any) -> str:
        """Return the reference of an image with a configuration."""
        path = self.folder / f"{name}.tar"
        if path.exists():
            return f"docker-archive:{path}"
        return write_archive(path, f"localhost/test/{name}:1", shell=shell, **config)


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """Images of busybox."""
    return Images(tmp_path_factory.mktemp("archives"))


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(name, marks=() if name == DAILY else pytest.mark.thorough, id=name) for name in ENGINES
    ],
)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of an engine that is here, with settings of the tests' own."""
    name: str = request.param
    missing = missing_engine(name)
    if missing:
        pytest.skip(missing)
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        for variable, value in variables(name, stack, tmp_path_factory).items():
            patch.setenv(variable, value)
        # A machine that runs all tests at once is slow.
        patch.setattr(selection, "PROBE_SECONDS", 120.0)
        yield name


def variables(name: str, stack: ExitStack, folders: pytest.TempPathFactory) -> dict[str, str]:
    """Return the variables under which engines work here, and the one of a name is alone."""
    settings = {**stack.enter_context(podman_variables()), **udocker_variables(folders.mktemp("udocker"))}
    # Root on a machine of its own often lacks one of the rights that they would hand on.
    settings |= {"APPTAINER_NO_PRIVS": "1", "SINGULARITY_NO_PRIVS": "1"}
    if name == "docker":
        try:
            settings |= stack.enter_context(docker_variables())
        except DaemonError as error:
            pytest.skip(f"no Docker daemon starts here: {error}")
    return settings


@pytest.fixture(scope="module")
def contained(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A cluster that runs scripts in images."""
    running = open_cluster(tmp_path_factory.mktemp(engine) / "data", engine=engine, parallel=2)
    yield running
    running.close()


Create = Callable[..., str]


@pytest.fixture
def create(contained: LocalCluster, images: Images, request: pytest.FixtureRequest) -> Create:
    """Create a service with a name of its own, in the plain image unless told otherwise."""

    def create(script: str, **members: Any) -> str:
        name = "s" + "".join(c for c in request.node.originalname[5:] if c.isalpha())[-20:]
        members = {"image": images.archive("plain"), "memory": "64Mi", "cpu": "1", **members}
        name = str(members.pop("name", name))
        contained.create(name, script, **members)
        return name

    return create
