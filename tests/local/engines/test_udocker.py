"""What udocker is helped with: a proot that cannot do what udocker asks of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from oscarcli.local.jobs.engine.udocker_proot import VARIABLE, write_wrapper


@pytest.mark.parametrize(
    ("words", "passed"),
    [
        (["-b", "/a b:/c", "-k", "6.1", "-r", "/x", "sh", "-k", "1"], "-b|/a b:/c|-r|/x|sh|-k|1"),
        (["-r", "/x", "", "*"], "-r|/x||*"),
        (["-k", "6.1"], ""),
    ],
)
def test_proot_is_not_told_of_a_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], passed: str
) -> None:
    proot = tmp_path / "the proot"
    proot.write_text('#!/bin/sh\nIFS="|"; printf %s "$*"\n')
    proot.chmod(0o755)
    monkeypatch.setenv(VARIABLE, str(proot))
    wrapper = write_wrapper(tmp_path / "made")
    assert wrapper is not None
    done = subprocess.run([wrapper, *words], capture_output=True, text=True, check=True)
    assert done.stdout == passed


@pytest.mark.parametrize("value", ["UDOCKER", ""])
def test_a_proot_that_udocker_fetched_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv(VARIABLE, value)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert write_wrapper(tmp_path) is None
