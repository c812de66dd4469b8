"""What the results of a batch are called."""

from __future__ import annotations

import pytest

from oscarcli.jobs.batch.names import result_names


@pytest.mark.parametrize(
    ("source", "written", "name"),
    [
        ("x.png", "x.png", "x.png"),
        ("x.png", "x.json", "x.json"),
        ("x.png", "x.stats.txt", "x.stats.txt"),
        ("x.png", "thumb_x.jpg", "thumb_x.jpg"),
        ("d/e/x.png", "x.png", "d/e/x.png"),
        ("d/x.png", "other/x.json", "d/x.json"),
        ("d/x.png", "result.json", "d/x.json"),
        ("d/x.png", "result", "d/x"),
        ("2026.01.csv", "2026.01.csv.gz", "2026.01.csv.gz"),
        # The name is a word of its own: "1" is not in "10.txt".
        ("1.txt", "10.json", "1.json"),
        ("x", "result.json", "x.json"),
    ],
)
def test_one_result_stands_where_its_input_did(source: str, written: str, name: str) -> None:
    assert result_names(source, [written]) == {written: name}


def test_several_results_stand_in_a_folder_of_their_inputs_name() -> None:
    assert result_names("d/x.png", ["a", "b/c"]) == {"a": "d/x.png/a", "b/c": "d/x.png/b/c"}
    assert result_names("d/x.png", ["x.png"], own_folder=True) == {"x.png": "d/x.png/x.png"}
    assert result_names("x.png", []) == {}
