"""A job's log: order, whole lines, times, limits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from oscarcli.local.jobs.log import MAX_STORED_BYTES, JobLog, append_note
from oscarcli.local.jobs.log_reading import read_log, read_stored_log
from oscarcli.local.jobs.log_table import StoredLog


def text(folder: Path, *, ended: bool = True, timestamps: bool = False) -> str:
    blocks = read_log(folder, ended=ended, timestamps=timestamps)
    if blocks is None and not ended:
        return ""
    assert blocks is not None
    content = b"".join(blocks).decode()
    blocks.close()
    return content


def test_what_the_script_printed_comes_last_and_the_code_after_it(tmp_path: Path) -> None:
    log = JobLog(tmp_path, "INFO")
    log.info("before")
    log.script(b"spoken\n")
    log.end_of_script()
    log.info("after")
    log.end_of_output()
    log.last("WARNING", "code")
    log.close()
    assert [line.rpartition(" - ")[2] for line in text(tmp_path).split("\n")] == [
        "before",
        "after",
        "spoken",
        "",
        "code",
        "",
    ]


def test_lines_below_the_level_are_left_out(tmp_path: Path) -> None:
    log = JobLog(tmp_path, "WARNING")
    log.info("quiet")
    log.supervisor("ERROR", "loud")
    log.note("WARNING", "ours")
    log.plain("an exception")
    log.close()
    assert [line.rpartition(" - ")[2] for line in text(tmp_path).splitlines()] == [
        "loud",
        "ours",
        "an exception",
    ]


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("DEBUG", ["DEBUG", "INFO", "WARNING", "ERROR"]),
        ("NOTSET", ["WARNING", "ERROR"]),
        ("WARN", ["WARNING", "ERROR"]),
        ("FATAL", []),
    ],
)
def test_levels_have_the_names_that_python_knows(tmp_path: Path, level: str, said: list[str]) -> None:
    log = JobLog(tmp_path, level)
    for word in ("DEBUG", "INFO", "WARNING", "ERROR"):
        log.supervisor(word, "words")
    log.close()
    assert [line.split(" - ")[2] for line in text(tmp_path).splitlines()] == said


def test_an_unknown_level_means_info(tmp_path: Path) -> None:
    log = JobLog(tmp_path, "CHATTY")
    log.info("said")
    log.supervisor("DEBUG", "not said")
    log.close()
    assert text(tmp_path).endswith(" - supervisor - INFO - said\n")


def test_a_character_split_between_two_blocks_is_whole(tmp_path: Path) -> None:
    log = JobLog(tmp_path, "INFO")
    for byte in "aüb\n".encode():
        log.script(bytes([byte]))
    log.script(b"\xff\xc3")
    log.end_of_script()
    log.end_of_output()
    log.close()
    assert text(tmp_path) == "aüb\n\n"


def test_every_line_of_the_script_ends_with_a_line_feed(tmp_path: Path) -> None:
    log = JobLog(tmp_path, "INFO")
    for block in (b"1 %\r", b"2 %\r\r\n", b"done\r", b"\nend\r"):
        log.script(block)
    log.end_of_script()
    log.close()
    assert text(tmp_path) == "1 %\n2 %\n\ndone\nend\n"


def test_a_running_log_shows_whole_lines_only(tmp_path: Path) -> None:
    log = JobLog(tmp_path, "INFO")
    assert text(tmp_path, ended=False) == ""
    log.script(b"x" * 100_000)
    assert text(tmp_path, ended=False) == ""
    log.script(b"\nhalf")
    assert text(tmp_path, ended=False) == "x" * 100_000 + "\n"
    log.close()
    assert text(tmp_path, ended=True).endswith("\nhalf")


def test_held_lines_come_together_each_with_its_own_time(tmp_path: Path) -> None:
    log = JobLog(tmp_path, "INFO")
    log.hold()
    log.plain("a")
    log.plain("b")
    assert text(tmp_path, ended=False) == ""
    log.flush(hold=True)
    assert text(tmp_path, ended=False) == "a\nb\n"
    log.plain("c")
    log.flush()
    log.plain("d")
    assert text(tmp_path, ended=False) == "a\nb\nc\nd\n"
    log.hold()
    log.plain("e")
    log.close()
    times = [line.split()[0] for line in text(tmp_path, timestamps=True).splitlines()]
    assert len(times) == 5
    assert times == sorted(set(times))


def test_what_comes_while_a_log_is_read_does_not_show(tmp_path: Path) -> None:
    log = JobLog(tmp_path, "INFO")
    log.script(b"one\n")
    blocks = read_log(tmp_path, ended=False)
    log.script(b"two\n")
    log.close()
    assert blocks is not None
    assert b"".join(blocks) == b"one\n"
    blocks.close()


def test_every_line_can_have_its_time(tmp_path: Path) -> None:
    log = JobLog(tmp_path, "INFO")
    log.plain("a")
    log.script(b"long " * 20_000 + b"\nb\n")
    log.end_of_script()
    log.end_of_output()
    log.close()
    lines = text(tmp_path, timestamps=True).splitlines()
    stamp = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (.*)")
    found = [match[1] for line in lines if (match := stamp.fullmatch(line))]
    assert found == ["a", "long " * 20_000, "b", ""]


def test_a_runaway_script_does_not_fill_the_disk(tmp_path: Path) -> None:
    log = JobLog(tmp_path, "INFO", limit=10)
    log.script(b"12345\n")
    log.script(b"67890\n" * 100)
    log.end_of_script()
    log.close()
    lines = text(tmp_path).splitlines()
    assert lines[0].endswith("the script's output is cut, 596 bytes are not shown")
    assert lines[1:] == ["12345", "6789"]


def test_an_answer_takes_the_place_of_the_output(tmp_path: Path) -> None:
    log = JobLog(tmp_path, "CRITICAL", limit=4, answer_limit=None)
    log.script(b"lost\nlost\n")
    log.end_of_script()
    log.answer([b"abc", b"def"])
    log.close()
    assert text(tmp_path).endswith("abcdef\n")
    assert text(tmp_path).count("lost") == 0


def test_an_answer_takes_the_place_of_an_output_that_is_empty(tmp_path: Path) -> None:
    log = JobLog(tmp_path, "INFO")
    log.end_of_script()
    log.plain("said")
    log.end_of_output()
    log.answer([b"abc"])
    log.last("WARNING", "code")
    log.close()
    assert [line.rpartition(" - ")[2] for line in text(tmp_path).splitlines()] == ["said", "abc", "code"]


def test_a_script_that_prints_nothing_has_no_file_and_the_same_log(tmp_path: Path) -> None:
    log = JobLog(tmp_path, "INFO")
    log.script(b"")
    log.end_of_script()
    log.hold()
    log.end_of_output()
    log.last("WARNING", "code")
    log.plain("said later, and stands before the output all the same")
    log.close()
    lines = [line.rpartition(" - ")[2] for line in text(tmp_path).split("\n")]
    assert lines == ["said later, and stands before the output all the same", "", "code", ""]
    assert [len(line.split()[0]) for line in text(tmp_path, timestamps=True).splitlines()] == [30, 30, 30]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "log.times"]
    append_note(tmp_path, "ERROR", "stopped")
    assert text(tmp_path).endswith("- WARNING - code\n" + text(tmp_path).splitlines()[-1] + "\n")
    assert text(tmp_path).endswith("ERROR - stopped\n")


@pytest.mark.parametrize(("printed", "expected"), [(b"half", "half\n"), (b"whole\n", "whole\n"), (b"", "")])
def test_a_note_follows_an_interrupted_log_on_a_line_of_its_own(
    tmp_path: Path, printed: bytes, expected: str
) -> None:
    log = JobLog(tmp_path, "INFO")
    log.script(printed)
    log.close()
    append_note(tmp_path, "ERROR", "stopped")
    assert re.sub(r"\d\S+ \S+ - local cluster", "-", text(tmp_path)) == f"{expected}- - ERROR - stopped\n"


def test_a_note_without_a_log_begins_one(tmp_path: Path) -> None:
    append_note(tmp_path / "new", "ERROR", "stopped")
    assert text(tmp_path / "new").endswith("ERROR - stopped\n")


def quick_log(folder: Path, *printed: bytes) -> StoredLog | None:
    """Return the log of a script that printed that in a moment."""
    log = JobLog(folder, "INFO")
    log.hold()
    log.plain("before")
    for data in printed:
        log.script(data)
    log.end_of_script()
    log.plain("after")
    log.end_of_output()
    log.last("WARNING", "code")
    return log.end()


def test_the_log_of_a_moment_is_in_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oscarcli.local.jobs.log.QUICK_SECONDS", 60.0)
    stored = quick_log(tmp_path / "home", b"spoken\nhalf")
    assert stored is not None
    assert not (tmp_path / "home").exists()
    for timestamps in (False, True):
        blocks = read_stored_log(stored, timestamps=timestamps)
        lines = b"".join(blocks).decode().splitlines()
        assert [re.sub(r"^\d\S+Z |.* - ", "", line) for line in lines] == [
            "before",
            "after",
            "spoken",
            "half",
            "code",
        ]
        assert all(re.match(r"\d{4}-\d\d-\d\dT\S+Z ", line) for line in lines) == timestamps
        blocks.close()


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ((b"", b"late\n"), "late\n"),
        ((b"early\n", b""), "early\n"),
        ((b"x" * MAX_STORED_BYTES,), "x" * MAX_STORED_BYTES),
        ((b"x" * MAX_STORED_BYTES + b"\n", b"y"), "x" * MAX_STORED_BYTES + "\ny"),
    ],
)
def test_a_script_that_takes_its_time_or_says_much_has_files(
    tmp_path: Path, printed: tuple[bytes, ...], shown: str
) -> None:
    home = tmp_path / "home"
    assert quick_log(home, *printed) is None
    assert re.fullmatch(rf"before\nafter\n{shown}\n\S+ \S+ - .* - code\n", text(home))
    assert home.stat().st_mode & 0o777 == 0o700


def test_without_a_log_there_is_nothing(tmp_path: Path) -> None:
    assert read_log(tmp_path, ended=True) is None
