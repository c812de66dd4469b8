"""The checks in the order in which a request needs what they look at."""

from __future__ import annotations

from oscarcli.cli.checks import here, offer, server, way
from oscarcli.cli.checks.model import Step

STEPS = (
    Step("configuration", here.configuration),
    Step("privacy", here.privacy),
    Step("cluster", here.cluster, ("configuration",)),
    Step("host name", way.host_name, ("cluster",)),
    Step("connection", way.connection, ("host name",)),
    Step("certificate", way.certificate, ("connection",)),
    Step("health", server.health, ("certificate",)),
    Step("clock", server.clock, ("certificate",)),
    Step("oidc tools", here.oidc_tools),
    Step("credentials", server.credentials, ("health",)),
    Step("version", offer.version, ("credentials",)),
    Step("object store", offer.object_store, ("credentials",)),
    Step("containers", here.containers),
)
