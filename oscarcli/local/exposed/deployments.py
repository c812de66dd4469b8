"""The exposed services of a cluster: those that run, and those that were stopped."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from oscarcli.local.exposed.environment import PodEnvironment
from oscarcli.local.exposed.table import StoppedDeployments
from oscarcli.local.folder import remove_tree
from oscarcli.local.jobs.engine.container import recorded
from oscarcli.local.jobs.engine.processes import kill_marked
from oscarcli.local.jobs.engine.selection import EngineError, Engines
from oscarcli.local.services.exposure import differences, is_exposed
from oscarcli.local.services.table import Services

if TYPE_CHECKING:
    from oscarcli.local.exposed.deployment import Deployment
    from oscarcli.local.exposed.relay import Relay

log = logging.getLogger(__name__)

# A service gets TERM, two seconds, KILL; then its container is removed.
STOP_SECONDS = 6.0
STOPPED_BY_USER = "it was stopped by 'service stop'"


class Deployments:
    """Runs the exposed services of a cluster.

    Args:
        environment: what they run in.
        services: the table of services.
        stopped: the table of those that were stopped.
    """

    def __init__(self, environment: PodEnvironment, services: Services, stopped: StoppedDeployments) -> None:
        self._environment = environment
        self._services = services
        self._stopped = stopped
        self._lock = threading.Lock()
        self._deployments: dict[str, Deployment] = {}
        self._relay: Relay | None = None
        self._is_closed = False

    @property
    def relay(self) -> Relay:
        """What looks after connections that stay open; made with the first call of a service."""
        from oscarcli.local.exposed.relay import Relay

        with self._lock:
            if self._relay is None:
                self._relay = Relay()
                if self._is_closed:
                    self._relay.close()
            return self._relay

    def start_all(self, engines: Engines) -> None:
        """Remove what a server that was killed left behind, and start all exposed services."""
        folder = self._environment.folder
        for home in folder.iterdir() if folder.is_dir() else ():
            found = recorded(home)
            if found is not None:
                _end(engines, *found)
            remove_tree(home)
        for definition in self._services.all():
            self.put(definition["name"])

    def put(self, name: str) -> None:
        """Run a service that is new or changed, in place of what ran before, unless it is gone by now."""
        with self._lock:
            if self._is_closed:
                return
            definition = self._services.get(name)
            former = self._deployments.pop(name, None)
            if former is not None:
                former.stop("the service was changed")
            if definition is None or not is_exposed(definition):
                return
            # A cluster that exposes nothing starts without them.
            from oscarcli.local.exposed.deployment import Deployment
            from oscarcli.local.exposed.log import DeploymentLog

            notes = former.log if former is not None else DeploymentLog()
            thread = former.thread if former is not None else None
            deployment = self._deployments[name] = Deployment(definition, self._environment, notes, thread)
            for level, sentence in differences(definition):
                deployment.log.note(level, sentence)
            if self._stopped.has(name):
                deployment.stop(STOPPED_BY_USER)
            else:
                deployment.begin()

    def get(self, name: str) -> Deployment | None:
        """Return a service's deployment, `None` when it is not exposed."""
        with self._lock:
            return self._deployments.get(name)

    def stop(self, deployment: Deployment) -> None:
        """Stop a service until it is started again."""
        self._stopped.add(deployment.definition["name"])
        deployment.stop(STOPPED_BY_USER)

    def start(self, deployment: Deployment) -> None:
        """Start a service that was stopped."""
        self._stopped.remove(deployment.definition["name"])
        with self._lock:
            if self._is_current(deployment):
                deployment.start()

    def restart(self, deployment: Deployment) -> None:
        """Start a service anew; one that was stopped stays so, as its deployment has no pods to replace."""
        if self._stopped.has(deployment.definition["name"]):
            return
        with self._lock:
            if self._is_current(deployment):
                deployment.restart()

    def _is_current(self, deployment: Deployment) -> bool:
        """Tell whether a service still has a deployment: nobody would end one of a service that is gone."""
        return not self._is_closed and self._deployments.get(deployment.definition["name"]) is deployment

    def remove(self, name: str) -> None:
        """End a service that is gone, and wait until it has: its port is free then."""
        with self._lock:
            deployment = self._deployments.pop(name, None)
        if deployment is not None:
            deployment.stop("the service was deleted")
            _wait([deployment])
            remove_tree(self._environment.folder / name)

    def close(self) -> None:
        """End all services and start no more; the next start of the server starts them again."""
        with self._lock:
            self._is_closed = True
            deployments = list(self._deployments.values())
            relay = self._relay
        for deployment in deployments:
            deployment.stop("the server was stopped")
        if relay is not None:
            relay.close()
        _wait(deployments)


def _wait(deployments: list[Deployment]) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    for deployment in deployments:
        if deployment.thread is not None:
            deployment.thread.join(max(deadline - time.monotonic(), 0))


def _end(engines: Engines, engine: str, container: str) -> None:
    """End what ran when the server was killed: its processes are gone but in rare cases."""
    from oscarcli.local.exposed.pod import MARKER, pod_name

    kill_marked(MARKER, pod_name(container))
    try:
        engines.named(engine).remove(container)
    except EngineError as error:
        log.warning("the container %s of an exposed service may be left: %s", container, error)
