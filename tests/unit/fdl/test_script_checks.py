"""Scripts that will surprise their author, and those that will not."""

from __future__ import annotations

import pytest

from oscarcli.fdl.script_checks import script_warnings


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("#!/bin/sh\necho\n", "script.sh"),
        ("#!/bin/bash\necho\n", "script.sh"),
        ("#! /usr/bin/env bash\n", ""),
        ("#!/bin/busybox sh\n", ""),
        ("echo hello\n", "run"),
        ("echo hello\n", "run.v2"),
        ("#!\necho\n", "x.sh"),
        ("#!/bin/sh\npython3 x.py\n", "run.py"),
    ],
)
def test_nothing_is_said_of_shell_scripts(text: str, name: str) -> None:
    assert list(script_warnings(text, name)) == []


@pytest.mark.parametrize(
    ("text", "name", "program"),
    [
        ("#!/usr/bin/python3\n", "run.sh", "python3"),
        ("#!/usr/bin/env python3\r\n", "", "python3"),
        ("#!/usr/bin/env -S Rscript --vanilla\n", "x.R", "Rscript"),
        ("\ufeff#!/usr/bin/perl -w\n", "x", "perl"),
        ("import os\n", "PROCESS.PY", "python3"),
        ("cat('x')\n", "x.R", "Rscript"),
    ],
)
def test_another_language_is_named_with_the_way_out(text: str, name: str, program: str) -> None:
    found = [line for line in script_warnings(text, name) if "/bin/sh," in line or "by /bin/sh" in line]
    assert len(found) == 1
    assert f"call {program} from a shell script" in found[0]
    assert not name or f"'oscar-cli init NAME --script {name}'" in found[0]
    assert [line for line in script_warnings(text, name, is_executed=True) if program in line] == []


def test_signs_of_an_editor() -> None:
    mark, ends = script_warnings("\ufeff#!/bin/sh\r\necho\r\n", "script.sh")
    assert "byte order mark" in mark
    assert "CRLF" in ends
