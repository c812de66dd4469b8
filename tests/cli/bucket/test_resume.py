"""Transfers that were interrupted: the real command, killed at a known moment, and what is done then."""

from __future__ import annotations

import json
import os
import random
import signal
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from oscarcli.errors import ExitCode
from tests.conftest import Caller, Outcome, Runner
from tests.support.daily import daily
from tests.support.part_store import PartStore
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY, minio_provider
from tests.support.scripted_s3 import Server
from tests.support.server import ScriptedServer, document

MIB = 1 << 20
CONTENT = random.Random(3).randbytes(40 * MIB)
PUT = ("bucket", "put-file", "photos", "large.bin", "in/large.bin", "--no-progress")
GET = ("bucket", "get-file", "photos", "out/large.bin", "large.bin", "--no-progress")
Wait = Callable[[Callable[[], bool]], None]


@pytest.fixture
def objects() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def store(objects: Server) -> PartStore:
    store = PartStore()
    objects.script = store.answer
    return store


@pytest.fixture
def command(run: Runner, call: Caller, server: ScriptedServer, objects: Server, store: PartStore) -> Runner:
    """The command, with a cluster that gives the store's keys."""
    call.know(server.url)
    minio = minio_provider(objects.endpoint)
    server.always("GET", "/system/config", document({"config": {}, "minio_provider": minio}))
    return run


def pieces_of(run: Runner) -> int:
    """Return how many finished pieces the only journal tells of."""
    return sum(path.read_bytes().count(b"\n") - 1 for path in run.journals)


def interrupt(
    run: Runner,
    wait: Wait,
    pieces: int,
    number: signal.Signals,
    *words: str,
    is_due: Callable[[], bool] = lambda: True,
) -> Outcome:
    """Start a command and send it a signal when so many pieces are done, and what else it has to wait for."""
    process = run.start(*words)
    wait(lambda: pieces_of(run) == pieces and is_due())
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    return Outcome(process.returncode, out.decode(), err.decode())


def stands_still(store: PartStore) -> bool:
    """Tell whether the third part, which is not taken, is there: it would be taken if it came later."""
    return sum(line.startswith("part ") for line in store.log) == 3


@pytest.fixture
def half_sent(command: Runner, store: PartStore, wait_until: Wait) -> Runner:
    """Two of three parts have arrived when the command is killed."""
    (command.home / "large.bin").write_bytes(CONTENT)
    store.max_parts = 2
    interrupt(command, wait_until, 2, signal.SIGKILL, *PUT, is_due=lambda: stands_still(store))
    store.max_parts = None
    store.log.clear()
    return command


@pytest.fixture
def half_received(command: Runner, store: PartStore, wait_until: Wait) -> Runner:
    """Two of three pieces have arrived when the command is killed."""
    store.put("out/large.bin", CONTENT)
    store.stalls_after = 35 * MIB
    interrupt(command, wait_until, 2, signal.SIGKILL, *GET)
    store.stalls_after = None
    store.log.clear()
    store.conditions.clear()
    return command


def part_files(run: Runner) -> list[Path]:
    return list(run.home.glob(".large.bin.*.part"))


# -- uploads -----------------------------------------------------------------------------------------


def test_a_killed_upload_sends_what_is_missing_and_nothing_else(half_sent: Runner, store: PartStore) -> None:
    (upload,) = store.uploads.values()
    (missing,) = {1, 2, 3} - set(upload.parts)
    arrived = sum(map(len, upload.parts.values())) // MIB
    result = half_sent(*PUT)
    assert result.code == 0
    assert f"goes on: {arrived} of 40 MiB have arrived" in result.err
    assert store.log == ["list", f"part {missing}", "complete"]
    assert store.objects == {"in/large.bin": CONTENT}
    assert half_sent.journals == []


def test_what_is_remembered_is_for_nobody_else_and_holds_no_secret(half_sent: Runner) -> None:
    (journal,) = half_sent.journals
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.parent.stat().st_mode) == 0o700
    text = journal.read_text()
    assert SECRET_KEY not in text
    assert ACCESS_KEY not in text
    assert "Signature" not in text


@pytest.mark.parametrize(
    ("number", "code"), daily([(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, 143)], signal.SIGINT)
)
def test_an_interrupted_upload_stays_and_says_so(
    command: Runner, store: PartStore, wait_until: Wait, number: signal.Signals, code: int
) -> None:
    (command.home / "large.bin").write_bytes(CONTENT)
    store.max_parts = 2
    result = interrupt(command, wait_until, 2, number, *PUT, is_due=lambda: stands_still(store))
    assert (result.code, result.out) == (code, "")
    assert (
        "have arrived and stay there: run the same command again to go on; --restart begins anew"
        in result.err
    )
    assert store.objects == {}
    store.max_parts = None
    assert command(*PUT).code == 0
    assert store.log.count("abort") == 0
    assert store.log.count("create") == 1
    assert store.objects == {"in/large.bin": CONTENT}


def test_an_upload_of_which_nothing_arrived_is_aborted(
    command: Runner, store: PartStore, wait_until: Wait
) -> None:
    (command.home / "large.bin").write_bytes(CONTENT)
    store.max_parts = 0
    process = command.start(*PUT)
    wait_until(lambda: "part 1" in store.log)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=120)[0] == b""
    assert (store.uploads, command.journals) == ({}, [])


def test_a_changed_file_begins_anew(half_sent: Runner, store: PartStore) -> None:
    changed = CONTENT[::-1]
    (half_sent.home / "large.bin").write_bytes(changed)
    result = half_sent(*PUT)
    assert result.code == 0
    assert "begins anew: the file was changed since it was interrupted" in result.err
    assert store.log[:2] == ["abort", "create"]
    assert (store.objects, store.uploads) == ({"in/large.bin": changed}, {})


@pytest.mark.thorough
def test_a_file_put_in_the_place_of_another_begins_anew(half_sent: Runner, store: PartStore) -> None:
    old, new = half_sent.home / "large.bin", half_sent.home / "new.bin"
    new.write_bytes(CONTENT[::-1])
    os.utime(new, ns=(0, old.stat().st_mtime_ns))
    new.replace(old)
    assert "begins anew" in half_sent(*PUT).err
    assert store.objects == {"in/large.bin": CONTENT[::-1]}


@pytest.mark.thorough
def test_restart_forgets_what_was_sent(half_sent: Runner, store: PartStore) -> None:
    result = half_sent(*PUT, "--restart")
    assert result.code == 0
    assert "anew" not in result.err
    assert store.log[:2] == ["abort", "create"]
    assert sorted(store.log[2:]) == ["complete", "part 1", "part 2", "part 3"]
    assert (store.objects, store.uploads) == ({"in/large.bin": CONTENT}, {})


@pytest.mark.thorough
def test_an_upload_that_the_store_dropped_begins_anew(half_sent: Runner, store: PartStore) -> None:
    store.uploads.clear()
    result = half_sent(*PUT)
    assert result.code == 0
    assert "begins anew: the store does not show what of it has arrived" in result.err
    assert store.objects == {"in/large.bin": CONTENT}


@pytest.mark.thorough
def test_a_part_that_is_not_what_was_sent_is_sent_again(half_sent: Runner, store: PartStore) -> None:
    (upload,) = store.uploads.values()
    damaged, sound = sorted(upload.parts)
    upload.parts[damaged] = bytes(len(upload.parts[damaged]))
    assert half_sent(*PUT).code == 0
    assert f"part {damaged}" in store.log
    assert f"part {sound}" not in store.log
    assert store.objects == {"in/large.bin": CONTENT}


@pytest.mark.thorough
def test_an_upload_whose_completion_was_not_heard_of_is_done(
    command: Runner, store: PartStore, wait_until: Wait
) -> None:
    (command.home / "large.bin").write_bytes(CONTENT)
    store.answers_completion = False
    process = command.start(*PUT)
    wait_until(lambda: "in/large.bin" in store.objects)
    process.kill()
    process.communicate(timeout=120)
    store.log.clear()
    result = command(*PUT)
    assert result.code == 0
    assert "had arrived as a whole" in result.err
    assert store.log == ["list"]
    assert command.journals == []


@pytest.mark.thorough
def test_a_journal_that_is_nonsense_is_none(half_sent: Runner, store: PartStore) -> None:
    (journal,) = half_sent.journals
    journal.write_text('{"kind": "upload", "size": []}\n[[[')
    assert half_sent(*PUT).code == 0
    assert store.objects == {"in/large.bin": CONTENT}
    assert half_sent.journals == []


@pytest.mark.thorough
def test_two_processes_at_the_same_upload_do_not_hurt_each_other(
    command: Runner, store: PartStore, wait_until: Wait
) -> None:
    (command.home / "large.bin").write_bytes(CONTENT)
    store.max_parts = 2
    first = command.start(*PUT)
    wait_until(lambda: pieces_of(command) == 2)
    # A part of the first that has not been asked for by now stands still, too.
    store.held.add("upload-1")
    store.max_parts = None
    assert command(*PUT).code == 0
    assert store.objects == {"in/large.bin": CONTENT}
    first.kill()
    first.communicate(timeout=120)
    # The other one has forgotten nothing of the first.
    store.held.clear()
    store.log.clear()
    assert "goes on" in command(*PUT).err
    assert store.log.count("create") == 0


@pytest.mark.thorough
def test_without_a_place_for_journals_files_are_sent(command: Runner, store: PartStore) -> None:
    (command.home / ".cache").touch()
    (command.home / "large.bin").write_bytes(CONTENT)
    assert command(*PUT).code == 0
    assert store.objects == {"in/large.bin": CONTENT}


# -- downloads ---------------------------------------------------------------------------------------


def test_a_killed_download_fetches_what_is_missing_and_nothing_else(
    half_received: Runner, store: PartStore
) -> None:
    result = half_received(*GET)
    assert result.code == 0
    assert "goes on: 32 of 40 MiB have arrived" in result.err
    assert store.log == [f"get bytes={32 * MIB}-{40 * MIB - 1}"]
    assert store.conditions == [f'"{store.etags["out/large.bin"]}"']
    assert (half_received.home / "large.bin").read_bytes() == CONTENT
    assert (part_files(half_received), half_received.journals) == ([], [])


def test_an_interrupted_download_stays_and_says_so(
    command: Runner, store: PartStore, wait_until: Wait
) -> None:
    (command.home / "large.bin").write_bytes(b"older")
    store.put("out/large.bin", CONTENT)
    store.stalls_after = 35 * MIB
    result = interrupt(command, wait_until, 2, signal.SIGINT, *GET)
    assert (result.code, result.out) == (ExitCode.INTERRUPTED, "")
    assert '32 of 40 MiB of "photos/out/large.bin" have arrived and stay here: run the same' in result.err
    assert (command.home / "large.bin").read_bytes() == b"older"
    store.stalls_after = None
    assert command(*GET).code == 0
    assert (command.home / "large.bin").read_bytes() == CONTENT


def test_a_changed_object_begins_anew(half_received: Runner, store: PartStore) -> None:
    store.put("out/large.bin", CONTENT[::-1])
    result = half_received(*GET)
    assert result.code == 0
    assert "begins anew: the object was changed since it was interrupted" in result.err
    assert store.log == ["get"]
    assert (half_received.home / "large.bin").read_bytes() == CONTENT[::-1]
    assert part_files(half_received) == []


@pytest.mark.thorough
def test_restart_forgets_what_was_received(half_received: Runner, store: PartStore) -> None:
    assert half_received(*GET, "--restart").code == 0
    assert store.log == ["get"]
    assert (half_received.home / "large.bin").read_bytes() == CONTENT
    assert part_files(half_received) == []


@pytest.mark.thorough
def test_bytes_that_a_power_cut_took_are_fetched_again(half_received: Runner, store: PartStore) -> None:
    (part,) = part_files(half_received)
    with part.open("r+b") as file:
        file.seek(20 * MIB)
        file.write(bytes(4096))
    assert half_received(*GET).code == 0
    assert store.log == [f"get bytes={16 * MIB}-{40 * MIB - 1}"]
    assert (half_received.home / "large.bin").read_bytes() == CONTENT


@pytest.mark.thorough
def test_a_part_file_that_is_gone_or_another_is_not_taken(half_received: Runner, store: PartStore) -> None:
    (part,) = part_files(half_received)
    # Not removed: another file might get its number.
    part.rename(half_received.home / "moved")
    part.write_bytes(b"somebody else's")
    result = half_received(*GET)
    assert result.code == 0
    assert "begins anew: the part that had arrived is gone" in result.err
    assert (half_received.home / "large.bin").read_bytes() == CONTENT
    assert part.read_bytes() == b"somebody else's"


@pytest.mark.thorough
def test_what_nobody_went_on_with_for_a_week_is_removed(half_received: Runner, store: PartStore) -> None:
    (journal,) = half_received.journals
    weeks_ago = time.time() - 8 * 24 * 3600
    os.utime(journal, (weeks_ago, weeks_ago))
    (half_received.home / "large.bin").write_bytes(CONTENT)
    assert half_received(*PUT).code == 0
    assert (part_files(half_received), half_received.journals) == ([], [])


# -- what is unfinished ------------------------------------------------------------------------------


def shown(result: Outcome) -> Any:
    assert result.code == 0, result.err
    return json.loads(result.out)


def test_unfinished_uploads_are_listed(half_sent: Runner, store: PartStore, server: ScriptedServer) -> None:
    server.always("GET", "/system/buckets", document([{"bucket_name": "photos"}]))
    (identifier,) = store.uploads
    sent = sum(map(len, store.uploads[identifier].parts.values()))
    (row,) = shown(half_sent("bucket", "uploads", "photos", "-o", "json"))
    assert set(row) == {
        *("name", "bucket", "key", "upload_id", "started"),
        *("sent_bytes", "size_bytes", "local_file", "is_active"),
    }
    assert row["name"] == "photos/in/large.bin"
    assert row["upload_id"] == identifier
    assert (row["sent_bytes"], row["size_bytes"]) == (sent, len(CONTENT))
    assert row["local_file"] == str(half_sent.home / "large.bin")
    assert row["is_active"] is False
    assert [one["name"] for one in shown(half_sent("bucket", "uploads", "-o", "json"))] == [row["name"]]
    assert shown(half_sent("bucket", "uploads", "photos", "in/other", "-o", "json")) == []


@pytest.mark.thorough
def test_what_the_store_does_not_list_is_known_here(half_sent: Runner, store: PartStore) -> None:
    # As MinIO does after it was started again.
    store.lists_uploads = False
    (row,) = shown(half_sent("bucket", "uploads", "photos", "-o", "json"))
    assert row["name"] == "photos/in/large.bin"


def test_unfinished_uploads_are_cleared(half_sent: Runner, store: PartStore) -> None:
    refused = half_sent("bucket", "uploads", "photos", "--clear")
    assert refused.code == ExitCode.USAGE
    assert "--yes" in refused.err
    assert len(store.uploads) == 1
    result = half_sent("bucket", "uploads", "photos", "--clear", "--yes")
    assert (result.code, result.out) == (0, 'Aborted the upload of "photos/in/large.bin"\n')
    assert (store.uploads, half_sent.journals) == ({}, [])
    nothing = half_sent("bucket", "uploads", "photos")
    assert nothing.code == 0
    assert "There is no unfinished upload" in nothing.err


@pytest.mark.thorough
def test_an_upload_that_is_being_sent_stays(command: Runner, store: PartStore, wait_until: Wait) -> None:
    (command.home / "large.bin").write_bytes(CONTENT)
    store.max_parts = 2
    process = command.start(*PUT)
    wait_until(lambda: pieces_of(command) == 2)
    (row,) = shown(command("bucket", "uploads", "photos", "-o", "json"))
    assert row["is_active"] is True
    result = command("bucket", "uploads", "photos", "--clear", "--yes")
    assert result.code == 0
    assert "is being sent now: its upload stays" in result.err
    assert len(store.uploads) == 1
    process.kill()
    process.communicate(timeout=120)
