"""TOPSIS: the best of several choices is nearest to an ideal one and farthest from the worst.

Criteria, weights and the share within which choices count as equal are those of the manager.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

# Of the fields of `ClusterCriteria`, in their order, and those that are the better the smaller they are.
WEIGHTS = (1, 8, 18, 65, 2, 6)
COSTS = frozenset((0, 4, 5))
NEAR_SHARE = 0.2
SLOW_SECONDS = 20.0
UNKNOWN = 1e6


@dataclass(frozen=True)
class ClusterCriteria:
    """What speaks for a cluster, and against it; by itself it is one that cannot be asked.

    Attributes:
        latency: seconds until its status came.
        nodes: how many it has.
        free_memory: in bytes, of all nodes.
        free_cpu: in thousandths of cores, of all nodes.
        seconds: how long its jobs of the service took, from their creation to their end.
        pending: how many wait.
    """

    latency: float = SLOW_SECONDS
    nodes: float = 0.0
    free_memory: float = 0.0
    free_cpu: float = 0.0
    seconds: float = UNKNOWN
    pending: float = UNKNOWN


def preferences(clusters: Sequence[ClusterCriteria]) -> list[float]:
    """Return a number from 0 to 1 for each choice, the larger the better; 1 when all are alike."""
    columns = list(zip(*map(astuple, clusters), strict=True))
    weighted = [_weighted(column, weight) for column, weight in zip(columns, WEIGHTS, strict=True)]
    best = [(min if number in COSTS else max)(column) for number, column in enumerate(weighted)]
    worst = [(max if number in COSTS else min)(column) for number, column in enumerate(weighted)]
    return [_preference(row, best, worst) for row in zip(*weighted, strict=True)]


def _weighted(column: Sequence[float], weight: int) -> list[float]:
    length = math.hypot(*column)
    return [weight * value / length if length else 0.0 for value in column]


def _preference(row: Sequence[float], best: Sequence[float], worst: Sequence[float]) -> float:
    to_best, to_worst = math.dist(row, best), math.dist(row, worst)
    return to_worst / (to_best + to_worst) if to_best + to_worst else 1.0


def order(
    clusters: Sequence[ClusterCriteria], shuffle: Callable[[list[int]], None] = random.shuffle
) -> list[int]:
    """Return the numbers of choices, one at least, the best first; of those about as good in any order."""
    found = preferences(clusters)
    numbers = sorted(range(len(found)), key=lambda number: -found[number])
    limit = found[numbers[0]] * (1 - NEAR_SHARE)
    near = [number for number in numbers if found[number] > limit or number == numbers[0]]
    far = [number for number in numbers if number not in near]
    shuffle(near)
    return near + far
