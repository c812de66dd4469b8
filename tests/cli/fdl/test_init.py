"""`init`: files that apply as they are, and never in the place of others."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
import yaml

from oscarcli.fdl.read import inspect
from tests.conftest import Caller


@pytest.fixture(autouse=True)
def _at_home(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(call.home)


def test_it_writes_an_fdl_and_a_script(call: Caller) -> None:
    outcome = call("init", "my-service")
    assert (outcome.code, outcome.err) == (0, "next: oscar-cli apply my-service/fdl.yaml\n")
    assert outcome.out == "Wrote my-service/fdl.yaml\nWrote my-service/script.sh\n"
    [service] = inspect("my-service/fdl.yaml").services
    assert service.definition["name"] == "my-service"
    assert service.definition["input"][0]["path"] == "my-service/input"
    assert service.cluster_key == "default-cluster"
    script = Path("my-service/script.sh")
    assert script.read_text() == service.definition["script"]
    assert stat.S_IMODE(script.stat().st_mode) & 0o100
    assert sorted(path.name for path in Path("my-service").iterdir()) == ["fdl.yaml", "script.sh"]


@pytest.mark.parametrize("name", ["my-service", "on", "ab", "a", "null", "n" * 39, "x-1"])
@pytest.mark.parametrize(
    "image", [None, "images.example.org/a/b:1.0@sha256:0f", "true", "1.5", "'odd'#:", "é"]
)
def test_the_files_have_no_mistakes_whatever_the_names_are(
    call: Caller, name: str, image: str | None
) -> None:
    words = ["--image", image] if image else []
    assert call("init", name, *words, "--dir", "here").code == 0
    found = inspect("here/fdl.yaml")
    assert (found.mistakes, found.warnings) == ((), ())
    [service] = found.services
    assert (service.name, service.definition["image"]) == (name, image or "alpine:3")
    assert call("validate", "here/fdl.yaml").code == 0


def test_what_is_commented_out_can_be_commented_in(call: Caller) -> None:
    assert call("init", "abc").code == 0
    text = Path("abc/fdl.yaml").read_text()
    lines = [line.replace("# ", "", 1) if line.startswith("      # ") else line for line in text.splitlines()]
    keys = ["log_level", "environment", "variables", "MODEL", "secrets", "API_KEY", "expose"]
    keys += ["api_port", "min_scale", "max_scale", "default_command"]
    kept = [
        line
        for before, line in zip(text.splitlines(), lines, strict=True)
        if before == line or line.strip().partition(":")[0] in keys
    ]
    Path("abc/fdl.yaml").write_text("\n".join(kept).replace("        # suffix", "        suffix") + "\n")
    found = inspect("abc/fdl.yaml")
    assert (found.mistakes, found.warnings) == ((), ())
    definition = found.services[0].definition
    assert definition["expose"]["api_port"] == [8080]
    assert definition["environment"] == {"variables": {"MODEL": "small"}, "secrets": {"API_KEY": ""}}
    assert definition["output"][0]["suffix"] == [".txt"]


@pytest.mark.parametrize("there", ["fdl.yaml", "script.sh"])
def test_nothing_is_overwritten_unless_it_is_asked_for(call: Caller, there: str) -> None:
    Path("abc").mkdir()
    Path("abc", there).write_text("mine")
    refused = call("init", "abc")
    assert (refused.code, refused.out) == (2, "")
    assert f"not overwritten: abc/{there}" in refused.err
    assert [path.name for path in Path("abc").iterdir()] == [there]
    assert Path("abc", there).read_text() == "mine"
    assert call("init", "abc", "--force").code == 0
    assert Path("abc", there).read_text() != "mine"


def test_a_link_that_leads_nowhere_is_there_too(call: Caller) -> None:
    Path("abc").mkdir()
    Path("abc/fdl.yaml").symlink_to("/nowhere/else")
    assert call("init", "abc").code == 2


def test_other_files_of_a_folder_stay(call: Caller) -> None:
    Path("abc").mkdir()
    Path("abc/notes.txt").write_text("mine")
    assert call("init", "xyz", "--dir", "abc").code == 0
    assert Path("abc/notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["Abc", "a_b", "1abc", "", "-a", "a-", "n" * 40, "../x", "a/b", "é"])
def test_names_are_checked(call: Caller, name: str) -> None:
    outcome = call("init", "--", name)
    assert outcome.code == 2
    assert list(call.home.iterdir()) == []


@pytest.mark.parametrize("image", ["", "a b", "a\nb", "a\x1b"])
def test_images_are_checked(call: Caller, image: str) -> None:
    assert call("init", "abc", f"--image={image}").code == 2
    assert list(call.home.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_cannot_be_written(call: Caller) -> None:
    Path("locked").mkdir(mode=0o500)
    outcome = call("init", "abc", "--dir", "locked")
    assert (outcome.code, "Permission denied" in outcome.err) == (1, True)


def test_a_file_in_the_place_of_the_folder(call: Caller) -> None:
    Path("abc").write_text("a file")
    outcome = call("init", "abc")
    assert outcome.code in (1, 2)
    assert "Traceback" not in outcome.err
    assert Path("abc").read_text() == "a file"


def test_json(call: Caller) -> None:
    outcome = call("init", "abc", "-o", "json")
    assert json.loads(outcome.out) == {"service": "abc", "fdl": "abc/fdl.yaml", "script": "abc/script.sh"}
    assert outcome.err == ""
    assert yaml.safe_load(call("init", "abc", "--force", "-o", "yaml").out)["service"] == "abc"
