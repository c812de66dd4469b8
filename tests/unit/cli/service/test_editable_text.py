"""The FDL that a person edits: every script comes back as it was, as a block wherever one can hold it."""

from __future__ import annotations

from typing import Any

import pytest

from oscarcli.cli.service.editable_text import editable_text
from oscarcli.fdl.export import exported
from oscarcli.fdl.read import read_bytes


def text_of(script: str, **more: Any) -> str:
    stored = {"name": "x", "image": "i", "script": script, **more}
    return editable_text(exported(stored, "here"), "here")


def script_in(text: str) -> Any:
    (service,) = read_bytes(text.encode(), "fdl.yaml", lambda name: f"read {name}".encode()).services
    return service.definition["script"]


@pytest.mark.parametrize(
    "script",
    [
        "#!/bin/sh\necho hello\n",
        "#!/bin/sh\n\tif true; then\n\t\techo tabs\n\tfi\n",
        "trailing blanks   \nand a tab\t\n",
        "  indented first\nthen not\n",
        "\n\nempty lines first\n",
        "\tTAB first\n",
        "ends with empty lines\n\n\n",
        "a: b\n- c\n# d\n'quoted' \"twice\" {braces} %YAML\n---\n...\n",
        "no line end",
        "two\nlines without end",
        "blank line inside\n\n   \n\nend\n",
        "ünïcödé 🐍\n",
        "the-script-goes-here\n",
    ],
)
def test_a_script_comes_back_as_it_was_and_stands_as_lines(script: str) -> None:
    text = text_of(script)
    assert script_in(text) == (script if script.endswith("\n") else script + "\n")
    first = script.strip().splitlines()[0].strip()
    assert any(line.strip() == first for line in text.splitlines())


@pytest.mark.parametrize(
    "script", ["\x1b[31mred\n", "next\x85line\n", "separator\u2028here\n", "\n", " \n", "a\rb\n"]
)
def test_what_a_block_cannot_hold_comes_back_too(script: str) -> None:
    assert script_in(text_of(script)) == script


def test_a_service_without_a_script_has_one_that_does_nothing_in_its_text() -> None:
    inference = {"type": "inference", "storage_uri": "u", "inference": {"model_format": "sklearn"}}
    assert script_in(text_of("", kserve=inference)) == "#!/bin/sh\n"


def test_the_rest_of_the_service_is_there() -> None:
    text = text_of(
        "a\n", environment={"variables": {"KEY": "yes"}}, output=[{"storage_provider": "s3.a", "path": "b"}]
    )
    (service,) = read_bytes(text.encode(), "fdl.yaml", None).services
    assert service.name == "x"
    assert "KEY: 'yes'" in text
