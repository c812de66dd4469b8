"""How long the rest of several jobs may take."""

from __future__ import annotations

import time

import pytest

from oscarcli.jobs.progress_count import ProgressCount


def test_the_rest_takes_as_long_as_the_others_of_this_run(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    count = ProgressCount(ended=30)
    assert count.progress(100, 30, 0, 5).seconds_left is None
    now[0] += 10
    assert count.progress(100, 31, 1, 5).seconds_left is None
    assert count.progress(100, 38, 2, 5).seconds_left == 60.0
    assert count.progress(100, 90, 10, 0).seconds_left == 0.0
