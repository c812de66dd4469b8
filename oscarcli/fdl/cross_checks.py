"""Rules about the services of a file together: what no server would refuse, or only the second of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from oscarcli.fdl.findings import Findings
from oscarcli.fdl.folders import folders
from oscarcli.fdl.graph import workflow
from oscarcli.fdl.ordering import bucket_of
from oscarcli.fdl.service import ServiceDefinition

# Nobody writes a workflow of more services; a file that is made to be large is not worth the time.
MAX_SERVICES = 1000


def check_together(
    services: Sequence[ServiceDefinition], lines: Mapping[str, int], findings: Findings
) -> None:
    """Warn of services that start each other without end, and of inputs that share a bucket.

    Args:
        services: those of a file.
        lines: where each key path stands.
        findings: takes the warnings.
    """
    if len(services) > MAX_SERVICES:
        return
    _warn_of_circles(services, findings)
    _warn_of_shared_inputs(services, lines, findings)


def _warn_of_circles(services: Sequence[ServiceDefinition], findings: Findings) -> None:
    places = {(service.cluster_key, service.name): service for service in services}
    for circle in workflow(services).cycles():
        # One that feeds itself is a matter of its own rules.
        if len(circle) > 1:
            first = places[circle[0].cluster, circle[0].name]
            way = " -> ".join([*(node.name for node in circle), first.name])
            text = f"every result comes back and starts another job, without end: {way}"
            findings.warn(first.line, f"{first.path}.output", text)


def _warn_of_shared_inputs(
    services: Sequence[ServiceDefinition], lines: Mapping[str, int], findings: Findings
) -> None:
    """Warn of a second input in a bucket: the first one makes it, and then it is there (`oscar-api` 5.1)."""
    readers: dict[tuple[str, str, str, str], tuple[str, str]] = {}
    for service in services:
        for key, folder in folders(service.definition, "input"):
            bucket = bucket_of(folder, service.name)
            if bucket is None:
                continue
            first = readers.setdefault((service.cluster_key, *bucket), (service.name, key))
            if first != (service.name, key):
                path = f"{service.path}.{key}.path"
                text = (
                    f'the bucket "{bucket[2]}" has an input of service "{first[0]}" already; real clusters '
                    "refuse a second one"
                )
                findings.warn(lines.get(path, service.line), path, text)
