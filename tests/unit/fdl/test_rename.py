"""`--name`: the service and the bucket that is named after it."""

from __future__ import annotations

from typing import Any

import pytest

from oscarcli.errors import UsageError
from oscarcli.fdl.rename import renamed
from oscarcli.fdl.service import ServiceDefinition


def service(name: str = "old", **keys: Any) -> ServiceDefinition:
    definition = {"name": name, "image": "i", **keys}
    return ServiceDefinition("c", definition, 3, "functions.oscar[0].c")


def folders(*paths: str) -> list[dict[str, str]]:
    return [{"storage_provider": "minio", "path": path} for path in paths]


def paths(found: ServiceDefinition) -> list[str]:
    definition = found.definition
    mount = [definition["mount"]] if "mount" in definition else []
    return [f["path"] for f in [*definition.get("input", []), *definition.get("output", []), *mount]]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        # The first output tells the bucket, whatever the service is called.
        ({"input": ["data/in"], "output": ["data/out", "other/out"]}, ["new/in", "new/out", "other/out"]),
        ({"input": ["old/in"], "output": ["data/out"]}, ["old/in", "new/out"]),
        # Else the first input, else the mount, else the name.
        ({"input": ["data/in", "DATA/more"]}, ["new/in", "new/more"]),
        ({"mount": "data"}, ["new"]),
        ({"mount": "/data/x/"}, ["/new/x/"]),
        # Slashes and blanks stay.
        ({"input": ["/data/in/"], "output": [" data/out/"]}, ["/new/in/", " new/out/"]),
        # Without a slash the bucket is the service's name and the path a folder in it.
        ({"input": ["old/in"], "output": ["out"]}, ["new/in", "out"]),
        ({"input": ["old"]}, ["new"]),
        ({}, []),
    ],
)
def test_the_primary_bucket_follows_the_name(keys: dict[str, Any], expected: list[str]) -> None:
    definition: dict[str, Any] = {
        key: folders(*value) if isinstance(value, list) else folders(value)[0] for key, value in keys.items()
    }
    before = service(**definition)
    unchanged = paths(before)
    [found] = renamed([before], ["new"])
    assert found.name == "new"
    assert paths(found) == expected
    assert (before.name, paths(before)) == ("old", unchanged)


def test_the_name_it_has_changes_nothing() -> None:
    before = service(output=folders("data/out"))
    assert renamed([before], ["old"]) == [before]
    assert renamed([before], []) == [before]


def test_an_empty_name_is_no_new_name() -> None:
    before = service(output=folders("data/out"))
    assert renamed([before], [""]) == [before]
    assert [s.name for s in renamed([before, service("b")], ["", "b=c", ""])] == ["old", "c"]


def test_several_services_want_a_mapping() -> None:
    services = [service("a", output=folders("x/out")), service("b", input=folders("x/in"))]
    found = renamed(services, ["a=c", "b=d"])
    assert [(s.name, paths(s)) for s in found] == [("c", ["c/out"]), ("d", ["d/in"])]
    assert [s.name for s in renamed(services, ["b=d"])] == ["a", "d"]


def test_one_service_on_several_clusters_is_one_name() -> None:
    assert [s.name for s in renamed([service("a"), service("a")], ["b"])] == ["b", "b"]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["x"], "would give 2 services one name"),
        (["x", "a=y"], "stands beside others"),
        (["z=y"], 'the file has no service "z"'),
        (["a=y", "a=z"], "two new names"),
        (["a="], "a name cannot be empty"),
        (["a=Not_A_Name"], "cannot be a name"),
        (["a=" + "x" * 40], "at most 39"),
    ],
)
def test_names_that_do_not_say_enough(names: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        renamed([service("a"), service("b")], names)
