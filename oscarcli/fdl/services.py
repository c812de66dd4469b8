"""The tree of an FDL into service definitions, in file order."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from oscarcli.fdl.cross_checks import check_together
from oscarcli.fdl.document import below
from oscarcli.fdl.findings import Findings, shortened
from oscarcli.fdl.nodes import Mapping, Node, Scalar, Sequence, described
from oscarcli.fdl.rules import Service, check_service
from oscarcli.fdl.schema import CLUSTERS, FILE, FUNCTIONS, SERVICE, STORAGE_PROVIDERS
from oscarcli.fdl.script_checks import script_warnings
from oscarcli.fdl.service import ServiceDefinition
from oscarcli.fdl.values import Values, is_absent

# More does not fit the Kubernetes object that holds a script.
MAX_SCRIPT_BYTES = 1 << 20

# Given a script's path as the FDL has it, returns its bytes, of a large one the first MAX_SCRIPT_BYTES + 1.
# Raises OSError.
ScriptReader = Callable[[str], bytes]


@dataclass(frozen=True)
class _Entry:
    """A service's place in the file."""

    key: Scalar
    node: Node
    path: str


class ServiceReader:
    """Reads the services of one file.

    Args:
        findings: takes what is wrong or odd.
        read_script: fetches scripts; `None` to read the names of the services and nothing else.
    """

    def __init__(self, findings: Findings, read_script: ScriptReader | None) -> None:
        self._findings = findings
        self._read_script = read_script
        # A file that is read for names alone is not judged by the rest of what it says.
        self._values = Values(findings if read_script else Findings(findings.file))

    def read(self, root: Node) -> list[ServiceDefinition]:
        """Return the services; what is wrong in them is with the findings."""
        top = self._section(root, FILE, "")
        functions = top.get("functions")
        inner = self._section(functions, FUNCTIONS, "functions") if functions else {}
        entries = list(self._entries(inner.get("oscar"), "functions.oscar"))
        if self._read_script is None:
            return [self._named(entry) for entry in entries]
        shared = self._shared(top)
        services = [self._service(entry, shared) for entry in entries]
        self._check_repeated(services)
        check_together(services, self._values.lines, self._findings)
        return services

    def _section(self, node: Node, record: Any, path: str) -> dict[str, Node]:
        """Return the values of a record by name; a missing one that is required is a mistake."""
        if not isinstance(node, Mapping):
            self._findings.error(node.line, path, f"expected keys and values, not {described(node)}")
            return {}
        given = self._values.given(node, record, path)
        for name, field in record.fields.items():
            if field.required and name not in given:
                text = "missing; an FDL has its services there"
                self._findings.error(node.line, below(path, name), text)
        return {name: value for name, (_, value) in given.items()}

    def _entries(self, node: Node | None, path: str) -> Iterator[_Entry]:
        if node is None:
            return
        if not isinstance(node, Sequence):
            text = f'expected a list, each item with "-" before it, not {described(node)}'
            self._findings.error(node.line, path, text)
            return
        if not node.items:
            self._findings.error(node.line, path, "the list of services is empty")
        for index, item in enumerate(node.items):
            place = f"{path}[{index}]"
            if isinstance(item, Mapping) and (misplaced := _misplaced(item)):
                self._findings.error(item.line, place, misplaced)
            elif isinstance(item, Mapping):
                for key, value in item.all_entries():
                    yield _Entry(key, value, below(place, key.text))
            else:
                text = f"expected a cluster's id and a service, not {described(item)}"
                self._findings.error(item.line, place, text)

    def _shared(self, top: dict[str, Node]) -> dict[str, Any]:
        """Return the sections that every service gets."""
        providers = top.get("storage_providers")
        clusters = top.get("clusters")
        shared: dict[str, Any] = {"storage_providers": {}}
        if providers and not is_absent(providers):
            shared["storage_providers"] = self._values.record(
                providers, STORAGE_PROVIDERS, "storage_providers"
            )
        # The reference always sends this map; servers that look into it find one.
        shared["storage_providers"].setdefault("minio", {})
        if clusters and not is_absent(clusters):
            shared["clusters"] = self._values.value(clusters, CLUSTERS, "clusters") or {}
        return shared

    def _named(self, entry: _Entry) -> ServiceDefinition:
        name: Node | None = None
        if isinstance(entry.node, Mapping):
            found = self._values.given(entry.node, SERVICE, entry.path).get("name")
            name = found[1] if found else None
        if not isinstance(name, Scalar) or is_absent(name):
            self._findings.error(entry.key.line, f"{entry.path}.name", "missing")
            return ServiceDefinition(entry.key.text, {}, entry.key.line, entry.path)
        return ServiceDefinition(entry.key.text, {"name": name.text}, entry.key.line, entry.path)

    def _service(self, entry: _Entry, shared: dict[str, Any]) -> ServiceDefinition:
        line = self._values.lines[entry.path] = entry.key.line
        values = self._values.record(entry.node, SERVICE, entry.path)
        definition = {**values, **copy.deepcopy(shared), "cluster_id": entry.key.text}
        service = Service(definition, shared["storage_providers"], entry.path, self._values.lines)
        if isinstance(entry.node, Mapping):
            check_service(service, self._findings)
            self._load_script(definition, service)
        return ServiceDefinition(entry.key.text, definition, line, entry.path)

    def _load_script(self, definition: dict[str, Any], service: Service) -> None:
        line, path = service.place("script")
        named = definition.get("script")
        if not named:
            return
        if "\n" in named:
            self._check_text(named, "", definition, service)
            return
        try:
            assert self._read_script is not None
            data = self._read_script(named)
        except (OSError, ValueError) as error:
            reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            self._findings.error(line, path, f"cannot read the script {shortened(named)}: {reason}")
            return
        definition["script"] = self._script_text(data, line, path)
        self._check_text(definition["script"], named, definition, service)

    def _check_text(self, text: str, name: str, definition: dict[str, Any], service: Service) -> None:
        line, path = service.place("script")
        for warning in script_warnings(text, name, is_executed=bool(definition.get("expose"))):
            self._findings.warn(line, path, warning)

    def _script_text(self, data: bytes, line: int, path: str) -> str:
        if len(data) > MAX_SCRIPT_BYTES:
            self._findings.error(line, path, "the script is larger than 1 MiB, more than a cluster stores")
        text = data.decode("utf-8", errors="replace")
        if not data:
            self._findings.error(line, path, "the script is empty")
        elif "\ufffd" in text and text.encode() != data:
            self._findings.warn(line, path, "the script is not UTF-8 text; wrong bytes are sent as U+FFFD")
        return text

    def _check_repeated(self, services: list[ServiceDefinition]) -> None:
        first: dict[tuple[str, str], int] = {}
        for service in services:
            key = (service.cluster_key, service.name)
            if service.name and key in first:
                text = f'"{service.name}" is in the file twice for this cluster, first on line {first[key]}'
                self._findings.error(service.line, f"{service.path}.name", text)
            first.setdefault(key, service.line)


def _misplaced(item: Mapping) -> str | None:
    """Return what is wrong with an item that holds a service's own keys, `None` when it holds services."""
    known = {name.lower() for name in SERVICE.fields}
    entries = item.all_entries()
    if not any(key.text.lower() in known and not isinstance(value, Mapping) for key, value in entries):
        return None
    first, value = entries[0]
    if first.text.lower() not in known and is_absent(value):
        return (
            f"the service stands beside its cluster's id {shortened(first.text)}; indent its keys below that"
        )
    return "the cluster's id is missing; it is a key above the service, whose keys are indented below it"
