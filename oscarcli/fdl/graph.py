"""Which service feeds which: an output in the input of another one starts its jobs (`job-runtime` 2.3)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oscarcli.fdl.folders import folders
from oscarcli.fdl.normalise import full_path, provider_of

if TYPE_CHECKING:
    from oscarcli.fdl.service import ServiceDefinition

OWN_STORE = ("minio", "default")
# No object has a longer key; a longer path leads nowhere.
MAX_KEY_BYTES = 1024
# Where the address of a storage provider stands; one of them, by its type.
ADDRESS_KEYS = ("endpoint", "hostname", "oneprovider_host", "host")


# A storage, by type and address, and the path in it as the server takes it.
Folder = tuple[str, str, str]


@dataclass(frozen=True)
class GraphNode:
    """A service with its folders."""

    cluster: str
    name: str
    inputs: tuple[Folder, ...] = ()
    outputs: tuple[Folder, ...] = ()


@dataclass(frozen=True)
class Edge:
    """What one service writes and another one reads.

    Attributes:
        source: the number of the service that writes.
        target: the number of the one whose jobs are started.
        path: the folder; the inner one, if one is inside of the other.
        partly: whether the target reads only a folder inside of the output.
    """

    source: int
    target: int
    path: str
    partly: bool = False


class Workflow:
    """Services, and how they follow each other.

    Args:
        nodes: the services in file order; a service's number is its place here.
        edges: what feeds what.

    Attributes:
        after: for each service, what leads away from it.
        fed: the services that another one feeds.
    """

    def __init__(self, nodes: Sequence[GraphNode], edges: Sequence[Edge]) -> None:
        self.nodes = tuple(nodes)
        self.edges = tuple(edges)
        self.after: list[list[Edge]] = [[] for _ in nodes]
        for edge in edges:
            self.after[edge.source].append(edge)
        self.fed = frozenset(edge.target for edge in edges if edge.source != edge.target)

    def cycles(self) -> list[tuple[GraphNode, ...]]:
        """Return circles in which jobs start each other without end, each once, from its first service.

        Of services that are entangled in several circles, the shortest one of the first service is given.
        """
        following = [
            list(dict.fromkeys(edge.target for edge in edges if not edge.partly)) for edges in self.after
        ]
        return [
            tuple(self.nodes[number] for number in _circle(group, following))
            for group in sorted(map(sorted, _strongly_connected(following)))
        ]


def workflow(services: Sequence[ServiceDefinition]) -> Workflow:
    """Return how services follow each other.

    Args:
        services: of one or several files; of two with one name in one cluster the last one counts.
    """
    nodes = list({(s.cluster_key, s.name): _node(s) for s in services}.values())
    readers, writers = _by_folder(nodes, "inputs"), _by_folder(nodes, "outputs")
    edges: dict[Edge, None] = {}
    for number, node in enumerate(nodes):
        for folder in node.outputs:
            for outer in _around(folder):
                edges.update(
                    dict.fromkeys(Edge(number, other, folder[2]) for other in readers.get(outer, ()))
                )
        for folder in node.inputs:
            for outer in _around(folder)[1:]:
                inside = (Edge(other, number, folder[2], partly=True) for other in writers.get(outer, ()))
                edges.update(dict.fromkeys(inside))
    return Workflow(nodes, sorted(edges, key=lambda edge: (edge.source, edge.target, edge.path)))


def _node(service: ServiceDefinition) -> GraphNode:
    both = (tuple(_folders(service, direction)) for direction in ("input", "output"))
    return GraphNode(service.cluster_key, service.name, *both)


def _folders(service: ServiceDefinition, direction: str) -> Iterator[Folder]:
    for _, entry in folders(service.definition, direction):
        path = full_path(entry, service.name)
        if 0 < len(path) <= MAX_KEY_BYTES:
            yield (*_store(service, provider_of(entry)), path)


def _store(service: ServiceDefinition, provider: tuple[str, str]) -> tuple[str, str]:
    """Return type and address of a storage; two clusters never have the same own one."""
    kind, identifier = provider
    if provider == OWN_STORE:
        return kind, f"cluster {service.cluster_key}"
    settings = (service.definition.get("storage_providers") or {}).get(kind, {}).get(identifier) or {}
    address = next((str(settings[key]) for key in ADDRESS_KEYS if settings.get(key)), identifier)
    # Buckets of Amazon are unique in the world.
    return kind, "" if kind == "s3" else address


def _by_folder(nodes: Sequence[GraphNode], direction: str) -> dict[Folder, list[int]]:
    found: dict[Folder, list[int]] = {}
    for number, node in enumerate(nodes):
        for folder in dict.fromkeys(getattr(node, direction)):
            found.setdefault(folder, []).append(number)
    return found


def _around(folder: Folder) -> list[Folder]:
    """Return a folder and all that it is inside of, from the inside to the outside."""
    kind, address, path = folder
    parts = path.split("/")
    return [(kind, address, "/".join(parts[:count])) for count in range(len(parts), 0, -1)]


def _strongly_connected(following: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return groups of services each of which leads to every other one of its group, and to itself.

    The algorithm is Tarjan's, with a stack instead of recursion.
    """
    order: dict[int, int] = {}
    lowest: dict[int, int] = {}
    unfinished: dict[int, None] = {}
    groups: list[list[int]] = []
    for start in range(len(following)):
        stack = [(start, iter(following[start]))] if start not in order else []
        while stack:
            node, targets = stack[-1]
            if node not in order:
                order[node] = lowest[node] = len(order)
                unfinished[node] = None
            target = next(targets, None)
            if target is None:
                stack.pop()
                if stack:
                    lowest[stack[-1][0]] = min(lowest[stack[-1][0]], lowest[node])
                if lowest[node] == order[node]:
                    groups.append(_taken_from(unfinished, node))
            elif target not in order:
                stack.append((target, iter(following[target])))
            elif target in unfinished:
                lowest[node] = min(lowest[node], order[target])
    return [group for group in groups if len(group) > 1 or group[0] in following[group[0]]]


def _taken_from(unfinished: dict[int, None], first: int) -> list[int]:
    """Take a node and all that came after it."""
    group: list[int] = []
    while not group or group[-1] != first:
        group.append(unfinished.popitem()[0])
    return group


def _circle(group: Sequence[int], following: Sequence[Sequence[int]]) -> list[int]:
    """Return the shortest way from the first service of a group back to itself."""
    start, members = group[0], set(group)
    before: dict[int, int] = {}
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        for target in following[node]:
            if target == start:
                way = [node]
                while way[-1] != start:
                    way.append(before[way[-1]])
                return way[::-1]
            if target in members and target not in before:
                before[target] = node
                waiting.append(target)
    raise AssertionError("a group without a circle")
