"""The checks in the order in which a request needs what they look at."""

from __future__ import annotations

from oscarcli.cli.doctor import capabilities, machine, network, server
from oscarcli.cli.doctor.model import Step

STEPS = (
    Step("configuration", machine.configuration),
    Step("privacy", machine.privacy),
    Step("cluster", machine.cluster, ("configuration",)),
    Step("host name", network.host_name, ("cluster",)),
    Step("connection", network.connection, ("host name",)),
    Step("certificate", network.certificate, ("connection",)),
    Step("health", server.health, ("certificate",)),
    Step("clock", server.clock, ("certificate",)),
    Step("oidc tools", machine.oidc_tools),
    Step("credentials", server.credentials, ("health",)),
    Step("version", capabilities.version, ("credentials",)),
    Step("object store", capabilities.object_store, ("credentials",)),
    Step("containers", machine.containers),
)
