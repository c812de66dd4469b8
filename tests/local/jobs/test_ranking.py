"""Which member of a federation is asked first: by the numbers that their clusters tell."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from oscarcli.local.jobs.federation.ranking import ranked
from oscarcli.local.jobs.federation.remote import RemoteCluster, RemoteError
from oscarcli.local.jobs.federation.topsis import ClusterCriteria, order, preferences

GIB = 1 << 30
Node = tuple[int, int, int, int]


class ToldCluster(RemoteCluster):
    """A cluster that answers with what a test says.

    Args:
        nodes: capacity and request of cores in thousandths, then of memory in GiB.
        free: cores in thousandths and GiB that are not used.
        jobs: by name.
    """

    def __init__(self, *nodes: Node, free: tuple[int, int] = (0, 0), jobs: Any = None) -> None:
        super().__init__("told", {"endpoint": "", "ssl_verify": True, "auth_user": "", "auth_password": ""})
        cores, memory = free
        shown = [
            {
                "cpu": {"capacity_cores": cpu, "request_cores": asked},
                "memory": {"capacity_bytes": size * GIB, "request_bytes": asked_size * GIB},
            }
            for cpu, asked, size, asked_size in nodes
        ]
        metrics = {
            "cpu": {"total_free_cores": cores, "max_free_on_node_cores": cores},
            "memory": {"total_free_bytes": memory * GIB},
        }
        status = {"cluster": {"nodes_count": len(nodes), "nodes": shown or None, "metrics": metrics}}
        self._answers = {
            "/system/status": status,
            "/system/logs/s": jobs if jobs is not None else {"jobs": {}},
        }

    def ask(self, method: str, path: str, document: Any = None) -> tuple[int, bytes]:
        return 200, json.dumps(self._answers[path]).encode()


class GoneCluster(ToldCluster):
    """A cluster that cannot be reached."""

    def ask(self, method: str, path: str, document: Any = None) -> tuple[int, bytes]:
        raise RemoteError("away")


def choose(mode: str, clusters: dict[str, RemoteCluster], **members: dict[str, Any]) -> list[str]:
    """Return the clusters of the members in the order in which they are asked."""
    listed = [
        {
            "type": "oscar",
            "cluster_id": name,
            "service_name": "s",
            "url": "",
            "priority": 0,
            **members.get(name, {}),
        }
        for name in clusters
    ]
    definition = {"cpu": "1", "memory": "1Gi", "federation": {"delegation": mode, "members": listed}}
    return [one["cluster_id"] for one in ranked(definition, lambda one: clusters[one["cluster_id"]])]


def test_static_goes_by_priority_alone() -> None:
    clusters: dict[str, RemoteCluster] = {name: GoneCluster() for name in "abcd"}
    priorities = {"a": {"priority": 7}, "b": {"priority": 3}, "c": {"priority": 101}, "d": {"priority": 100}}
    assert choose("static", clusters, **priorities) == ["b", "a", "d"]
    assert choose(" Static ", clusters, **priorities) == ["b", "a", "d"]
    # But an endpoint is asked whatever its priority.
    endpoint: dict[str, Any] = {**priorities, "c": {"type": "endpoint", "priority": 200}}
    assert choose("static", clusters, **endpoint) == ["b", "a", "d", "c"]


@pytest.mark.parametrize("mode", ["random", "load-based"])
def test_only_clusters_with_room_on_one_node_are_asked(mode: str) -> None:
    clusters: dict[str, RemoteCluster] = {
        "full": ToldCluster((4000, 3500, 8, 0), free=(4000, 8)),
        "no memory": ToldCluster((4000, 0, 8, 8), free=(4000, 8)),
        "split": ToldCluster((1000, 500, 8, 0), (1000, 500, 8, 0), free=(2000, 16)),
        "crossed": ToldCluster((4000, 0, 8, 8), (1000, 1000, 8, 0), free=(4000, 8)),
        "no nodes": ToldCluster(free=(4000, 8)),
        "gone": GoneCluster(),
        "fits": ToldCluster((1000, 1000, 8, 0), (4000, 3000, 8, 7), free=(1, 1)),
    }
    assert choose(mode, clusters) == ["fits"]


def test_load_goes_by_what_is_free_of_cores_and_memory() -> None:
    # The roots of 0.5 * 0.5, 0.9 * 0.1 and 0.8 * 0.8: 50, 30 and 80 of 100.
    clusters: dict[str, RemoteCluster] = {
        "half": ToldCluster((4000, 0, 10, 0), free=(2000, 5)),
        "uneven": ToldCluster((10000, 0, 10, 0), free=(9000, 1)),
        "idle": ToldCluster((5000, 0, 10, 0), free=(4000, 8)),
    }
    assert choose("load-based", clusters) == ["idle", "half", "uneven"]
    # An endpoint has its own priority among them: 20 is the idle cluster's, 50 that of the half-full one.
    endpoint = {"type": "endpoint", "priority": 49}
    asked = choose("load-based", {**clusters, "url": GoneCluster()}, url=endpoint)
    assert asked == ["idle", "url", "half", "uneven"]


def test_random_is_random() -> None:
    clusters: dict[str, RemoteCluster] = {name: ToldCluster((4000, 0, 8, 0)) for name in "abc"}
    firsts = Counter(choose("random", clusters)[0] for _ in range(200))
    assert set(firsts) == set("abc")


# -- topsis ------------------------------------------------------------------------------------------------

ROWS = (
    ClusterCriteria(0.05, 3, 8e9, 4000, 20.0, 0.1),
    ClusterCriteria(0.2, 1, 32e9, 16000, 60.0, 3.1),
    ClusterCriteria(0.01, 2, 16e9, 15500, 1e6, 1.1),
    ClusterCriteria(),
)


def test_preferences_are_those_of_another_program() -> None:
    # pymcdm 1.3 with vector normalization, costs negated, the same weights.
    expected = [0.2928621, 0.91974891, 0.84524452, 0.0]
    assert preferences(ROWS) == pytest.approx(expected, abs=1e-7)


def test_those_that_are_nearly_as_good_as_the_best_come_in_any_order() -> None:
    assert order(ROWS, lambda near: near.sort()) == [1, 2, 0, 3]
    assert order(ROWS, lambda near: near.sort(reverse=True)) == [2, 1, 0, 3]


def test_choices_that_are_alike_or_alone_are_taken() -> None:
    assert preferences([ROWS[0]]) == [1.0]
    assert preferences([ROWS[3], ROWS[3]]) == [1.0, 1.0]
    assert sorted(order([ROWS[1], ROWS[1], ROWS[1]])) == [0, 1, 2]


def job(status: str, seconds: int) -> dict[str, str]:
    return {
        "status": status,
        "creation_time": "2026-06-12T09:05:00Z",
        "finish_time": f"2026-06-12T09:{5 + seconds // 60:02}:{seconds % 60:02}Z",
    }


@pytest.mark.parametrize("shape", ["new", "old"])
def test_waiting_jobs_and_slow_ones_speak_against_a_cluster(shape: str) -> None:
    def told(*jobs: dict[str, str]) -> ToldCluster:
        named = {f"j{number}": one for number, one in enumerate(jobs)}
        shown = {"jobs": named, "next_page": "x"} if shape == "new" else named
        return ToldCluster((8000, 0, 8, 0), free=(8000, 8), jobs=shown)

    waiting = [{"status": "Pending"}] * 9
    clusters: dict[str, RemoteCluster] = {
        "gone": GoneCluster(),
        "busy": told(*waiting, job("Succeeded", 10)),
        "small": ToldCluster((500, 0, 8, 0), free=(500, 8)),
        "idle": told(job("Succeeded", 10), job("Failed", 3000)),
    }
    asked = choose("topsis", clusters)
    # Jobs weigh little beside cores: both are near the best. Who cannot be asked, or has no room, comes last.
    assert set(asked[:2]) == {"busy", "idle"}
    assert set(asked[2:]) == {"small", "gone"}


@pytest.mark.parametrize(
    "jobs", [[], {"jobs": {"j": {}}}, {"j": 1}, {"jobs": {"j": job("Succeeded", 1) | {"finish_time": "?"}}}]
)
def test_a_cluster_that_answers_oddly_is_asked_last(jobs: Any) -> None:
    clusters: dict[str, RemoteCluster] = {
        "odd": ToldCluster((8000, 0, 8, 0), free=(8000, 8), jobs=jobs),
        "well": ToldCluster((2000, 0, 8, 0), free=(2000, 2)),
    }
    assert choose("topsis", clusters) == ["well", "odd"]
