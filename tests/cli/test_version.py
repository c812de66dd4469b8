"""`version`."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest
import yaml

from oscarcli import __version__
from oscarcli.cli import version
from tests.conftest import Caller


@pytest.mark.parametrize("verb", ["version", "v"])
def test_two_lines_as_the_reference_prints_them(call: Caller, verb: str) -> None:
    result = call(verb)
    assert (result.code, result.err) == (0, "")
    first, second = result.out.splitlines()
    assert first == f"version: {__version__}"
    assert second.startswith("git commit: ")


def test_the_same_in_json_and_yaml(call: Caller) -> None:
    document = json.loads(call("version", "-o", "json").out)
    assert set(document) == {"version", "git_commit"}
    assert yaml.safe_load(call("version", "-o", "yaml").out) == document


def test_the_version_is_that_of_the_package() -> None:
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert f'\nversion = "{__version__}"\n' in project


class Distribution:
    def __init__(self, record: str | None) -> None:
        self.record = record

    def read_text(self, _name: str) -> str | None:
        return self.record


@pytest.mark.parametrize(
    ("record", "commit"),
    [
        ('{"vcs_info": {"commit_id": "abc"}}', "abc"),
        ('{"dir_info": {"editable": true}}', None),
        ('{"vcs_info": {"commit_id": 7}}', None),
        ("not json", None),
        (None, None),
    ],
)
def test_the_installer_knows_the_commit(
    monkeypatch: pytest.MonkeyPatch, record: str | None, commit: str | None
) -> None:
    monkeypatch.setattr(metadata, "distribution", lambda _: Distribution(record))
    monkeypatch.setattr(version, "_checked_out_commit", lambda: None)
    assert version.git_commit() == (commit or "unknown")


@pytest.mark.parametrize(
    ("files", "commit"),
    [
        ({"HEAD": "ref: refs/heads/main\n", "refs/heads/main": "abc\n"}, "abc"),
        ({"HEAD": "abc\n"}, "abc"),
        ({"HEAD": "ref: refs/heads/main\n"}, None),
        ({}, None),
    ],
)
def test_a_checkout_knows_its_commit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: dict[str, str], commit: str | None
) -> None:
    for name, content in files.items():
        path = tmp_path / ".git" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.setattr(version, "__file__", str(tmp_path / "oscarcli" / "cli" / "version.py"))
    assert version._checked_out_commit() == commit
