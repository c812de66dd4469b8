"""Which service feeds which, and what goes round in circles."""

from __future__ import annotations

import random
from typing import Any

import pytest

from oscarcli.fdl.graph import workflow
from oscarcli.fdl.read import read_bytes
from oscarcli.fdl.service import ServiceDefinition


def service(
    name: str,
    reads: str = "",
    writes: str = "",
    *,
    cluster: str = "here",
    provider: str = "minio.default",
    **keys: Any,
) -> ServiceDefinition:
    definition: dict[str, Any] = {
        "name": name,
        "input": [{"storage_provider": provider, "path": path} for path in reads.split()],
        "output": [{"storage_provider": provider, "path": path} for path in writes.split()],
        **keys,
    }
    return ServiceDefinition(cluster, definition, 3, f"functions.oscar[0].{cluster}")


def edges(*services: ServiceDefinition) -> list[str]:
    found = workflow(services)
    told = []
    for edge in found.edges:
        source, target = found.nodes[edge.source].name, found.nodes[edge.target].name
        told.append(f"{source} {'~' if edge.partly else '-'}> {target}: {edge.path}")
    return told


def cycles(*services: ServiceDefinition) -> list[str]:
    return [" ".join(node.name for node in cycle) for cycle in workflow(services).cycles()]


def test_an_output_in_an_input_feeds_it() -> None:
    one, two = service("one", "one/in", "two/in"), service("two", "two/in", "two/out")
    assert edges(one, two) == ["one -> two: two/in"]
    assert edges(two, one) == ["one -> two: two/in"]


@pytest.mark.parametrize(
    ("output", "entry", "expected"),
    [
        ("a/in", "a/in", ["one -> two: a/in"]),
        ("/a/in/", "a/in ", ["one -> two: a/in"]),
        ("a/in/deep/er", "a/in", ["one -> two: a/in/deep/er"]),
        ("a/in", "a/in/deep", ["one ~> two: a/in/deep"]),
        ("a/input", "a/in", []),
        ("a/in", "b/in", []),
        ("two/in", "in", ["one -> two: two/in"]),
        ("in", "in", []),
        ("a/in a/in", "a/in", ["one -> two: a/in"]),
        ("a/x a/y", "a/x a/y", ["one -> two: a/x", "one -> two: a/y"]),
        ("x/" + "y/" * 1000, "x/y", []),
    ],
)
def test_folders_overlap_as_the_server_s_events_do(output: str, entry: str, expected: list[str]) -> None:
    assert edges(service("one", "", output), service("two", entry)) == expected


def test_clusters_have_storages_of_their_own() -> None:
    one = service("one", "", "a/in", cluster="first")
    assert edges(one, service("two", "a/in", cluster="second")) == []
    assert edges(one, service("two", "a/in", cluster="first", provider="MINIO")) == ["one -> two: a/in"]


def test_other_storages_are_told_by_their_address() -> None:
    def at(name: str, address: str, reads: str = "", writes: str = "") -> ServiceDefinition:
        providers = {"minio": {"other": {"endpoint": address}}}
        return service(name, reads, writes, cluster=name, provider="minio.other", storage_providers=providers)

    assert edges(at("one", "https://x", "", "a/in"), at("two", "https://x", "a/in")) == ["one -> two: a/in"]
    assert edges(at("one", "https://x", "", "a/in"), at("two", "https://y", "a/in")) == []


def test_a_service_that_is_there_twice_counts_as_it_is_last() -> None:
    found = workflow([service("one", "a/in"), service("two", "", "b/in"), service("one", "b/in")])
    assert [node.name for node in found.nodes] == ["one", "two"]
    assert len(found.edges) == 1


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        ([service("a", "a/in", "a/out")], []),
        ([service("a", "a/in", "a/in/x")], ["a"]),
        ([service("a", "a/in/x", "a/in")], []),
        ([service("a", "a/in", "b/in"), service("b", "b/in", "a/in")], ["a b"]),
        ([service("b", "b/in", "a/in"), service("a", "a/in", "b/in")], ["b a"]),
        (
            [
                service("a", "a/in", "b/in"),
                service("b", "b/in", "c/in"),
                service("c", "c/in", "b/in d/in"),
                service("d", "d/in", "e/in"),
                service("e", "e/in", "d/in/x"),
            ],
            ["b c", "d e"],
        ),
        (
            [
                service("a", "a/in", "b/in c/in"),
                service("b", "b/in", "a/in"),
                service("c", "c/in", "a/in"),
            ],
            ["a b"],
        ),
    ],
)
def test_circles_are_named_once_each(services: list[ServiceDefinition], expected: list[str]) -> None:
    assert cycles(*services) == expected


def test_circles_are_those_that_walking_around_finds() -> None:
    rng = random.Random(7)
    for _ in range(300):
        count = rng.randrange(1, 7)
        services = [
            service(
                f"s{n}",
                f"s{n}/in",
                " ".join({f"s{rng.randrange(count)}/in" for _ in range(rng.randrange(3))}),
            )
            for n in range(count)
        ]
        found = workflow(services)
        following = [{edge.target for edge in edges} for edges in found.after]

        def reached(start: int, following: list[set[int]] = following) -> set[int]:
            seen: set[int] = set()
            waiting = [start]
            while waiting:
                new = following[waiting.pop()] - seen
                seen |= new
                waiting += new
            return seen

        going_round = {n for n in range(count) if n in reached(n)}
        groups = {frozenset({n} | {m for m in reached(n) if n in reached(m)}) for n in going_round}
        circles = found.cycles()
        assert len(circles) == len(groups)
        for circle in circles:
            numbers = [found.nodes.index(node) for node in circle]
            assert all(
                after in following[n] for n, after in zip(numbers, numbers[1:] + numbers[:1], strict=True)
            )


def test_a_thousand_services_take_no_time() -> None:
    many = [service(f"s{n}", f"s{n}/in", f"s{n + 1}/in") for n in range(5000)]
    assert len(workflow(many).edges) == 4999
    assert workflow(many).cycles() == []


# -- what the reader says of it ---------------------------------------------------------------------

TOGETHER = """\
functions:
  oscar:
  - here:
      name: one
      image: i
      script: s
      input: [{storage_provider: minio, path: one/in}]
      output: [{storage_provider: minio, path: two/in}]
  - here:
      name: two
      image: i
      script: s
      input:
      - {storage_provider: minio.default, path: two/in}
      - {storage_provider: minio.default,
         path: one/other}
      output: [{storage_provider: minio, path: one/in/again}]
"""


def test_the_reader_warns_of_circles_and_shared_inputs() -> None:
    fdl = read_bytes(TOGETHER.encode(), "f.yaml", lambda _: b"x")
    place = "functions.oscar"
    assert fdl.warnings == (
        f"f.yaml:3: {place}[0].here.output: every result comes back and starts another job, without end: "
        "one -> two -> one",
        f'f.yaml:16: {place}[1].here.input[1].path: the bucket "one" has an input of service "one" already; '
        "real clusters refuse a second one",
    )


def test_inputs_of_two_clusters_and_of_storages_without_buckets_share_nothing() -> None:
    text = TOGETHER.replace("  - here:\n      name: two", "  - there:\n      name: two")
    text = text.replace("path: one/other", "path: three/in").replace("minio.default", "webdav.w")
    fdl = read_bytes(text.encode(), "f.yaml", lambda _: b"x")
    assert [w for w in fdl.warnings if "webdav.w" not in w] == []
