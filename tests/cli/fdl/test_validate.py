"""`validate`: every mistake with its line, without a cluster and without a configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from oscarcli.fdl.json_schema import json_schema
from tests.conftest import Caller

GOOD = """\
functions:
  oscar:
  - here:
      name: one
      image: i
      script: script.sh
"""
WRONG = """\
functions:
  oscar:
  - here:
      name: one
      image: i
      script: script.sh
      memroy: 1Gi
      memory: 3 GB
      enable_gpu: maybe
  - there:
      name: Two
      script: gone.sh
"""
HERE, THERE = "functions.oscar[0].here", "functions.oscar[1].there"


@pytest.fixture(autouse=True)
def _at_home(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(call.home)
    Path("script.sh").write_text("#!/bin/sh\n")
    Path("good.yaml").write_text(GOOD)
    Path("wrong.yaml").write_text(WRONG)
    # What no command but this one would overlook.
    call.write_config("no: [configuration")


def test_a_good_file(call: Caller) -> None:
    outcome = call("validate", "good.yaml")
    assert (outcome.code, outcome.out, outcome.err) == (0, "✓ good.yaml: one\n", "")


def test_all_mistakes_are_told_in_the_order_of_their_lines(call: Caller) -> None:
    outcome = call("validate", "wrong.yaml")
    assert outcome.code == 3
    assert outcome.out.splitlines() == [
        "✗ wrong.yaml: 5 mistakes",
        f'wrong.yaml:7: warning: {HERE}.memroy: unknown key, did you mean "memory"?',
        f'wrong.yaml:8: {HERE}.memory: "3 GB" is not a quantity, did you mean "3Gi"?',
        f'wrong.yaml:9: {HERE}.enable_gpu: expected true or false, not "maybe"',
        f"wrong.yaml:10: {THERE}.image: missing",
        f'wrong.yaml:11: {THERE}.name: "Two" cannot be a name: it has lower-case letters, digits and '
        '"-", and starts with a letter',
        f'wrong.yaml:12: {THERE}.script: cannot read the script "gone.sh": No such file or directory',
    ]
    assert outcome.err == "Error: 5 mistakes in wrong.yaml\n"


def test_a_model_server_needs_a_script_too_and_an_absolute_one_may_lie_beside_the_file(call: Caller) -> None:
    model = GOOD.replace("script: script.sh", "kserve: {type: llm_inference, storage_uri: 'hf://x'}")
    Path("model.yaml").write_text(model)
    outcome = call("validate", "model.yaml")
    assert outcome.code == 3
    assert outcome.out.splitlines()[1:] == [
        f"model.yaml:3: {HERE}.script: missing; it is the path of the script to run"
    ]
    Path("model.yaml").write_text(model + "      script: /script.sh\n")
    assert call("validate", "model.yaml").code == 0


def test_a_service_directly_below_the_dash_is_one_mistake(call: Caller) -> None:
    Path("bare.yaml").write_text(GOOD.replace("- here:\n      ", "- ").replace("      ", "    "))
    outcome = call("validate", "bare.yaml")
    assert outcome.code == 3
    assert outcome.out.splitlines()[1:] == [
        "bare.yaml:3: functions.oscar[0]: the cluster's id is missing; it is a key above the service, whose "
        "keys are indented below it"
    ]


def test_warnings_are_no_mistakes(call: Caller) -> None:
    Path("odd.yaml").write_text(GOOD + "      memroy: 1Gi\n")
    outcome = call("validate", "odd.yaml")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines()[1].startswith("odd.yaml:7: warning: ")


def test_several_files(call: Caller) -> None:
    outcome = call("validate", "wrong.yaml", "good.yaml", "gone.yaml", "good.yaml")
    assert outcome.code == 3
    marks = [line for line in outcome.out.splitlines() if line[0] in "✓✗"]
    assert marks == [
        "✗ wrong.yaml: 5 mistakes",
        "✓ good.yaml: one",
        '✗ cannot read the FDL "gone.yaml": No such file or directory',
    ]
    assert outcome.err == "Error: 6 mistakes in 2 of 3 files\n"


def test_standard_input(call: Caller) -> None:
    outcome = call("validate", "-", input=WRONG)
    assert outcome.code == 3
    assert outcome.out.startswith("✗ <stdin>: 5 mistakes\n<stdin>:7: warning: ")


def test_json(call: Caller) -> None:
    outcome = call("validate", "-o", "json", "good.yaml", "wrong.yaml", "gone.yaml")
    assert outcome.code == 3
    document = json.loads(outcome.out)
    good, wrong, gone = document["files"]
    assert document["valid"] is False
    assert good == {
        "file": "good.yaml",
        "valid": True,
        "services": [{"name": "one", "cluster": "here", "line": 3}],
        "mistakes": [],
        "warnings": [],
    }
    assert [finding["line"] for finding in wrong["mistakes"]] == [8, 9, 10, 11, 12]
    assert wrong["warnings"] == [
        {"line": 7, "path": f"{HERE}.memroy", "text": 'unknown key, did you mean "memory"?'}
    ]
    assert gone["mistakes"][0]["text"] == 'cannot read the FDL "gone.yaml": No such file or directory'
    assert json.loads(outcome.err) == {"error": "6 mistakes in 2 of 3 files", "code": 3}
    assert "valid: true" in call("validate", "-o", "yaml", "good.yaml").out


@pytest.mark.parametrize("text", ["", "a: b: c", "\x00", "{" * 5000, "- x", "&a [*a]"])
def test_whatever_is_in_a_file(call: Caller, text: str) -> None:
    Path("f.yaml").write_text(text)
    outcome = call("validate", "f.yaml")
    assert outcome.code == 3
    assert outcome.out.splitlines()[1].startswith("f.yaml:1: ")


def test_no_control_character_reaches_the_terminal(call: Caller) -> None:
    Path("f.yaml").write_text(GOOD.replace("one", '"\\e[31mred"').replace("here", '"\\e[1mbold"'))
    outcome = call("validate", "f.yaml")
    assert outcome.code == 3
    assert "\x1b" not in outcome.out + outcome.err


def test_the_schema_is_that_of_the_package(call: Caller) -> None:
    outcome = call("validate", "--schema")
    assert (outcome.code, outcome.err) == (0, "")
    assert json.loads(outcome.out) == json_schema()
    assert json.loads(call("validate", "--schema", "-o", "json").out) == json_schema()
    assert call("validate", "--schema", "-o", "yaml").out.startswith("$schema: ")


def test_words_are_counted(call: Caller) -> None:
    assert call("validate").code == 2
    assert call("validate", "--schema", "good.yaml").code == 2
    assert call("validate", "--help").code == 0


def test_a_script_in_another_language_is_warned_of(call: Caller) -> None:
    folder = call.home / "abc"
    assert call("init", "abc", "--dir", str(folder)).code == 0
    (folder / "script.sh").write_text("#!/usr/bin/env python3\nprint()\n")
    outcome = call("validate", str(folder / "fdl.yaml"))
    assert outcome.code == 0
    place = "fdl.yaml:9: warning: functions.oscar[0].default-cluster.script"
    assert f"{place}: its first line names python3" in outcome.out
    fdl = folder / "fdl.yaml"
    fdl.write_text(fdl.read_text() + "      expose:\n        api_port: 8080\n")
    assert "warning" not in call("validate", str(fdl)).out
