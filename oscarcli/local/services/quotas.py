"""Quotas of users: what this machine has, or what was set, which they are held to.

The cluster's own account is held to none, as on a real cluster. All amounts are stored as they were given and
checked before.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from oscarcli.local.answers import ApiError
from oscarcli.local.services.definition import Definition
from oscarcli.local.services.quantity import binary_size, parse_quantity
from oscarcli.local.state import State

Settings = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS quotas (
    user TEXT PRIMARY KEY,
    settings TEXT NOT NULL
);
"""

RESOURCES = ("cpu", "memory", "ephemeral_storage")
SECTIONS = ("volumes", "minio")
COUNTS = ("gpu", "volumes", "buckets")


class Quotas:
    """What was set for users, by the names of the request that sets it.

    Args:
        state: the database; its schema includes `SCHEMA`.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def get(self, user: str) -> Settings:
        """Return what was set for a user, nothing for one who is not known."""
        row = self._state.read().execute("SELECT settings FROM quotas WHERE user = ?", (user,)).fetchone()
        return {} if row is None else dict(json.loads(row["settings"]))

    def change(self, user: str, changes: Settings) -> Settings:
        """Set what `changes` has and leave the rest; return all that is set then."""
        with self._state.transaction() as connection:
            stored = self.get(user)
            for section in SECTIONS:
                if section in changes:
                    changes = {**changes, section: {**stored.get(section, {}), **changes[section]}}
            settings = {**stored, **changes}
            connection.execute(
                "INSERT INTO quotas (user, settings) VALUES (?, ?) "
                "ON CONFLICT (user) DO UPDATE SET settings = excluded.settings",
                (user, json.dumps(settings)),
            )
        return settings


def given(request: Mapping[str, Any]) -> Settings:
    """Return what a decoded request sets; empty when there is nothing that counts.

    GPUs only count together with another resource.

    Raises:
        ValueError: an amount is none; the text names it.
    """
    found = {key: request[key] for key in RESOURCES if request[key]}
    if found and request["gpu"]:
        found["gpu"] = request["gpu"]
    for section in SECTIONS:
        amounts = {key: value for key, value in request[section].items() if value}
        if amounts:
            found[section] = amounts
    for key, value in found.items():
        for name, amount in value.items() if isinstance(value, dict) else ((key, value),):
            _check(name, amount)
    return found


def _check(name: str, amount: str) -> None:
    try:
        quantity = parse_quantity(amount)
    except ValueError as error:
        raise ValueError(f'{name} "{amount}": {error}') from error
    if quantity < 0:
        raise ValueError(f'{name} "{amount}": must be greater than or equal to 0')
    if name in COUNTS and quantity != int(quantity):
        raise ValueError(f'{name} "{amount}": must be an integer')


def whole(amount: str, factor: int = 1) -> int:
    """Return a checked amount as a whole number, rounded up as Kubernetes does; `factor` is the unit's."""
    return math.ceil(parse_quantity(amount) * factor)


def check_volume(settings: Settings, name: str, size: str, used: Sequence[str]) -> None:
    """Refuse a volume that is above a quota of volumes, with the words of the manager and of Kubernetes.

    Args:
        settings: what is set for the user's volumes.
        name: the volume's name.
        size: its size.
        used: the sizes of the volumes that there are.

    Raises:
        ApiError: 400 above what is left, 500 for a size that no single volume may have.
    """
    wanted = whole(size)
    if "disk" in settings:
        left = max(whole(settings["disk"]) - sum(map(whole, used)), 0)
        if wanted > left:
            raise ApiError(
                400, f"not enough volume disk quota: requested {size}, available {binary_size(left)}"
            )
    if "volumes" in settings and len(used) >= whole(settings["volumes"]):
        raise ApiError(400, "not enough volume count quota: requested 1, available 0")
    for key, word in (("max_disk_per_volume", "maximum"), ("min_disk_per_volume", "minimum")):
        if (
            key in settings
            and (wanted > whole(settings[key])) == (word == "maximum")
            and (wanted != whole(settings[key]))
        ):
            raise ApiError(
                500,
                f'persistentvolumeclaims "{name}" is forbidden: {word} storage usage per '
                f"PersistentVolumeClaim is {settings[key]}, but request is {size}",
            )


def exceeds(settings: Settings, wanted: Definition, running: Iterable[Definition]) -> bool:
    """Tell whether a job beside running ones would take more than a quota.

    Args:
        settings: what is set for the user.
        wanted: the job's service.
        running: the services of the user's running jobs, once for each job.
    """
    together = [wanted, *running]
    return any(
        sum(_amount(definition, key) for definition in together) > parse_quantity(settings[key])
        for key in (*RESOURCES, "gpu")
        if key in settings
    )


def _amount(definition: Definition, key: str) -> Decimal:
    if key == "gpu":
        return Decimal(int(definition["enable_gpu"]))
    text = definition["ephemeral_storage_request" if key == "ephemeral_storage" else key]
    try:
        return parse_quantity(text or "0")
    except ValueError:
        # Nothing refuses it where the manager does not.
        return Decimal(0)
