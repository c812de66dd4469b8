"""The order of services that share buckets: one that a server accepts, whatever the file's is."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from oscarcli.fdl.actions import Action
from oscarcli.fdl.ordering import bucket_of, in_order, left_out


def folder(path: str, provider: str = "minio.default") -> dict[str, Any]:
    return {"storage_provider": provider, "path": path}


def service(
    name: str,
    reads: Sequence[str] = (),
    writes: Sequence[str] = (),
    *,
    mount: str = "",
    kind: Any = "create",
    provider: str = "minio.default",
) -> Action:
    definition: dict[str, Any] = {
        "name": name,
        "input": [folder(path) for path in reads],
        "output": [folder(path, provider) for path in writes],
    }
    if mount:
        definition["mount"] = folder(mount)
    return Action(kind, "here", name, definition)


class Manager:
    """The bucket rules of a real server: job-runtime 2.4, oscar-api 5.1."""

    def __init__(self, services: Sequence[Action] = ()) -> None:
        self.buckets: set[Any] = set()
        self.services: dict[str, Any] = {}
        for action in services:
            self.post(action.definition)

    def post(self, definition: Any) -> None:
        name = definition["name"]
        assert name not in self.services
        own = [bucket_of(entry, name) for entry in definition["input"]]
        for bucket in own:
            assert bucket not in self.buckets, f"the bucket {bucket} already exists"
            self.buckets.add(bucket)
        for bucket in {bucket_of(entry, name) for entry in definition["output"]} - set(own):
            assert bucket not in self.buckets, f"the bucket {bucket} already exists"
            self.buckets.add(bucket)
        self.put_or_made(definition)

    def put_or_made(self, definition: Any) -> None:
        entries = [*definition["input"], *definition["output"], definition.get("mount") or {}]
        self.buckets |= {bucket_of(entry, definition["name"]) for entry in entries} - {None}
        self.services[definition["name"]] = definition

    def carry_out(self, actions: Sequence[Action]) -> None:
        """Do as `fdl.apply` does."""
        late: list[Action] = []
        for action in actions:
            if action.kind == "create":
                self.post(action.beginning or action.definition)
                if action.beginning is not None:
                    late.append(action)
            elif action.kind == "edit":
                self.put_or_made(action.definition)
            for waiting in list(late):
                if all(name in self.services for name in waiting.needs):
                    self.put_or_made(waiting.definition)
                    late.remove(waiting)
        assert late == []


A_TO_B = [service("words", ["words/in"], ["counts/in"]), service("counts", ["counts/in"], ["counts/out"])]
WORKFLOWS = {
    "alone": [service("words", ["words/in"], ["words/out"])],
    "a pair": A_TO_B,
    "three in a row": [
        service("one", ["one/in"], ["two/in"]),
        service("two", ["two/in"], ["three/in"]),
        service("three", ["three/in"], ["three/out"]),
    ],
    "two feed one": [*A_TO_B, service("more", ["more/in"], ["counts/in", "more/out"])],
    "one feeds two": [
        service("one", ["one/in"], ["two/in", "three/in"]),
        service("two", ["two/in"]),
        service("three", ["three/in"]),
    ],
    "two write into one bucket": [
        service("one", ["one/in"], ["all/x"]),
        service("two", ["two/in"], ["all/y"]),
    ],
    "a circle": [service("one", ["one/in"], ["two/in"]), service("two", ["two/in"], ["one/in"])],
    "a circle of three": [
        service("one", ["one/in"], ["two/in"]),
        service("two", ["two/in"], ["three/in"]),
        service("three", ["three/in"], ["one/in"]),
    ],
    "a mount of an input": [service("one", mount="two"), service("two", ["two/in"], ["two/out"])],
    "a mount in a circle": [
        service("one", ["one/in"], ["one/out"], mount="two"),
        service("two", ["two/in"], ["one/in"]),
    ],
    "a mount of an output": [service("one", mount="two"), service("two", ["in/x"], ["two/out"])],
    "paths without a slash": [service("one", ["in"], ["two/in"]), service("two", ["in"], ["out"])],
    "amazon": [
        service("one", ["one/in"], ["all/x"], provider="s3.mine"),
        service("two", ["two/in"], ["all/y"], provider="s3.mine"),
    ],
    "the same name on two storages": [
        service("one", ["one/in"], ["two/in"], provider="s3.mine"),
        service("two", ["two/in"], ["out/x"]),
    ],
}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_real_server_accepts_the_order_whatever_the_file_s_is(name: str) -> None:
    for actions in itertools.permutations(WORKFLOWS[name]):
        manager = Manager()
        ordered = in_order(actions, [])
        assert sorted(a.name for a in ordered) == sorted(a.name for a in actions)
        manager.carry_out(ordered)
        assert manager.services == {action.name: action.definition for action in actions}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_an_order_that_needs_nothing_is_the_file_s(name: str) -> None:
    actions = WORKFLOWS[name]
    if any(action.needs for action in in_order(actions, [])):
        return
    assert [action.name for action in in_order(actions, [])] == [action.name for action in actions]


def test_the_reader_comes_first_and_the_writer_begins_without_it() -> None:
    counts, words = in_order(A_TO_B, [])
    assert (counts.name, counts.beginning, counts.needs) == ("counts", None, ())
    assert (words.name, words.needs) == ("words", ("counts",))
    assert words.beginning is not None
    assert words.beginning["output"] == []
    assert left_out(words) == ["counts/in"]
    assert words.definition == A_TO_B[0].definition


def test_of_several_outputs_only_foreign_ones_wait() -> None:
    actions = [service("one", ["one/in"], ["one/out", "two/in", "own/x"]), service("two", ["two/in"])]
    step = in_order(actions, [])[1]
    assert left_out(step) == ["two/in"]


def test_nothing_waits_in_a_circle_for_ever() -> None:
    one, two = in_order(WORKFLOWS["a circle"], [])
    assert (one.name, two.name) == ("one", "two")
    assert left_out(one) == ["two/in"]
    # By then the other one's bucket is there, made by its owner.
    assert left_out(two) == ["one/in"]


def test_a_writer_whose_reader_is_there_begins_without_its_output() -> None:
    counts = service("counts", ["counts/in"], ["counts/out"], kind="none")
    [first, second] = in_order([A_TO_B[0], counts], [counts.definition or {}])
    assert (first.name, first.needs, left_out(first)) == ("words", (), ["counts/in"])
    assert second.beginning is None


def test_an_existing_writer_is_updated_after_its_new_reader_is_made() -> None:
    words = service("words", ["words/in"], ["counts/in"], kind="edit")
    before = [{"name": "words", "input": [folder("words/in")], "output": []}]
    first, second = in_order([words, A_TO_B[1]], before)
    assert (first.name, second.name, second.beginning, second.needs) == ("counts", "words", None, ("counts",))


def test_the_order_is_found_in_time_for_many_services() -> None:
    many = [service(f"s{n}", [f"s{n}/in"], [f"s{n + 1}/in"]) for n in range(400)]
    assert [a.name for a in in_order(many, [])] == [f"s{n}" for n in reversed(range(400))]
