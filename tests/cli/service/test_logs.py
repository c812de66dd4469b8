"""`service logs`: jobs and what they wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import yaml

from oscarcli.jobs import follow, outage
from tests.conftest import Caller, Runner
from tests.support.daily import daily
from tests.support.server import Answer, Request, ScriptedServer, document, text

LIST = "/system/logs/svc"


@pytest.fixture
def cluster(call: Caller, server: ScriptedServer) -> ScriptedServer:
    call.know(server.url)
    return server


def job(status: str, created: str = "", **times: str) -> dict[str, str]:
    return {"status": status, **({"creation_time": created} if created else {}), **times}


FIRST = {
    "svc-c": job("Failed", "2026-06-12T09:00:03Z", start_time="2026-06-12T09:00:04Z"),
    "svc-w": job("Suspended"),
}
SECOND = {
    "svc-a": job("Succeeded", "2026-06-12T09:00:01Z", finish_time="2026-06-12T09:00:09Z", extra="kept"),
    "svc-b": job("Running", "2026-06-12T09:00:02Z"),
}


def two_pages(server: ScriptedServer) -> None:
    server.always("GET", LIST, document({"jobs": FIRST, "next_page": "p=2&x"}), query={})
    server.always("GET", LIST, document({"jobs": SECOND, "remaining_jobs": 0}), query={"page": "p=2&x"})


# -- list ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["service logs list", "svc log ls", "s l ls"])
def test_every_name_of_the_list_gives_the_list(call: Caller, cluster: ScriptedServer, words: str) -> None:
    two_pages(cluster)
    rows = call(*words.split(), "svc").out.splitlines()[1:]
    assert [row.split()[0] for row in rows] == ["svc-a", "svc-b", "svc-c", "svc-w"]


def test_all_pages_are_listed_newest_last_in_local_time(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    two_pages(server)
    # A zone by rule, for the machine may have no names of zones.
    result = run("service", "logs", "list", "svc", env={"TZ": "EAST-2"})
    assert (result.code, result.err) == (0, "")
    header, *rows = result.out.splitlines()
    assert header.split("  ")[0] == "JOB NAME"
    assert [column.strip() for column in header.split("  ") if column] == [
        "JOB NAME",
        "STATUS",
        "CREATION TIME",
        "START TIME",
        "FINISH TIME",
        "DURATION",
    ]
    assert [row.split()[0] for row in rows] == ["svc-a", "svc-b", "svc-c", "svc-w"]
    assert "2026-06-12 11:00:09" in rows[0]
    assert rows[3].split() == ["svc-w", "Suspended", "-", "-", "-", "-"]


def test_lists_in_json_and_yaml_are_the_servers_document(call: Caller, cluster: ScriptedServer) -> None:
    two_pages(cluster)
    listed = json.loads(call("service", "logs", "list", "svc", "-o", "json").out)
    assert listed == {"jobs": {**FIRST, **SECOND}}
    assert list(listed["jobs"]) == ["svc-a", "svc-b", "svc-c", "svc-w"]
    assert yaml.safe_load(call("service", "logs", "list", "svc", "-o", "yaml").out) == listed


def test_the_old_flat_list_is_read_too(call: Caller, cluster: ScriptedServer) -> None:
    cluster.always("GET", LIST, document({**FIRST, "jobs": job("Running")}))
    assert [row.split()[0] for row in call("service", "logs", "list", "svc").out.splitlines()[1:]] == [
        "svc-c",
        "jobs",
        "svc-w",
    ]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("-s failed", ["svc-c"]),
        ("--status FAILED,running", ["svc-b", "svc-c"]),
        ("-s Failed -s suspended", ["svc-c", "svc-w"]),
        ("--status ,", ["svc-a", "svc-b", "svc-c", "svc-w"]),
        ("-s Unknown", []),
    ],
)
def test_jobs_are_chosen_by_status(
    call: Caller, cluster: ScriptedServer, words: str, names: list[str]
) -> None:
    two_pages(cluster)
    result = call("service", "logs", "list", "svc", *words.split())
    assert [row.split()[0] for row in result.out.splitlines()[1:]] == names
    states = "No job has that status; there are succeeded, running, failed, suspended\n"
    assert result.err == ("" if names else states)


def test_a_service_without_jobs_is_no_failure_and_silence_is_one(
    call: Caller, cluster: ScriptedServer
) -> None:
    cluster.expect("GET", LIST, document({"jobs": {}}))
    result = call("service", "logs", "list", "svc")
    assert (result.code, result.err) == (0, "This service has no logs\n")
    cluster.expect("GET", LIST, Answer(200))
    result = call("service", "logs", "list", "svc")
    assert (result.code, result.out) == (4, "")
    assert "the login may lack the permission" in result.err
    cluster.expect("GET", LIST, Answer(404))
    assert call("service", "logs", "list", "svc").code == 5


# -- get -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["get", "g"])
def test_a_log_is_shown_with_one_final_line_end(call: Caller, cluster: ScriptedServer, verb: str) -> None:
    cluster.expect("GET", f"{LIST}/svc-a", text("one\ntwo"), query={})
    assert call("service", "logs", verb, "svc", "svc-a").out == "one\ntwo\n"
    cluster.expect("GET", f"{LIST}/svc-a", text("one\n"), query={"timestamps": "true"})
    assert call("service", "logs", verb, "svc", "svc-a", "-t").out == "one\n"
    cluster.always("GET", f"{LIST}/svc-a", text("one\x1b[0m\r\n"))
    shown = {"service": "svc", "job": "svc-a", "log": "one\x1b[0m\r\n"}
    assert json.loads(call("service", "logs", verb, "svc", "svc-a", "-o", "json").out) == shown
    assert yaml.safe_load(call("service", "logs", verb, "svc", "svc-a", "-o", "yaml").out) == shown


NASTY = "a\x1b[2J\tb\r\x07\n\u202ec\r\n"
VISIBLE = "a\\x1b[2J\tb\\r\\x07\n\\u202ec\n"


@pytest.mark.parametrize("words", [[], ["--follow"], ["--tail", "5"]], ids=["whole", "follow", "tail"])
def test_a_log_shows_control_characters_in_a_pipe_and_on_a_terminal(
    run: Runner, server: ScriptedServer, words: list[str]
) -> None:
    run.know(server.url)
    server.always("GET", f"{LIST}/j", text(NASTY))
    if words == ["--follow"]:
        server.always("GET", LIST, document({"jobs": {"j": {"status": "Succeeded"}}}))
    assert run("service", "logs", "get", "svc", "j", *words).out == VISIBLE
    assert VISIBLE in run.terminal("service", "logs", "get", "svc", "j", *words).out.replace("        ", "\t")
    assert run("service", "logs", "get", "svc", "j", "--raw", *words).out == NASTY


def test_a_raw_log_is_text(call: Caller, cluster: ScriptedServer) -> None:
    for output in ("json", "yaml"):
        result = call("service", "logs", "get", "svc", "j", "--raw", "-o", output)
        assert (result.code, result.out) == (2, "")
        assert "--raw is for text" in result.err


def test_a_long_log_comes_whole(call: Caller, cluster: ScriptedServer) -> None:
    """It is written in pieces, none of which may begin within a line end."""
    log = "0123456\r\n" * 300_000 + "x" * 3_000_000
    cluster.expect("GET", f"{LIST}/j", text(log))
    assert call("service", "logs", "get", "svc", "j").out == log.replace("\r\n", "\n") + "\n"


@pytest.mark.parametrize("flag", ["--latest", "-l"])
def test_the_latest_is_the_newest_that_has_begun(call: Caller, cluster: ScriptedServer, flag: str) -> None:
    two_pages(cluster)
    cluster.expect("GET", f"{LIST}/svc-c", text("log of c\n"))
    result = call("service", "logs", "get", "svc", flag, "-v")
    assert (result.out, result.err) == ("log of c\n", 'the latest job is "svc-c"\n')


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("svc", "requires JOB_NAME or use --latest"),
        ("svc j --latest", "JOB_NAME cannot be used together with --latest"),
        ("svc j k", "unexpected extra argument"),
        ("svc j -f -o json", "--follow shows text only"),
    ],
)
def test_wrong_words_ask_nobody(call: Caller, cluster: ScriptedServer, words: str, message: str) -> None:
    result = call("service", "logs", "get", *words.split())
    assert (result.code, result.out, message in result.err) == (2, "", True)


def test_a_log_that_is_not_there_says_why(call: Caller, cluster: ScriptedServer) -> None:
    cluster.expect("GET", LIST, document({"jobs": {}}))
    result = call("service", "logs", "get", "svc", "--latest")
    assert (result.code, 'service "svc" has no logs' in result.err) == (5, True)
    for status in (404, 500):
        cluster.expect("GET", f"{LIST}/j", Answer(status))
        cluster.expect("GET", LIST, document({"jobs": {"j": job("Suspended")}}))
        result = call("service", "logs", "get", "svc", "j")
        assert (result.code, result.out) == (5, "")
        assert 'job "j" of service "svc" has no log; its status is "Suspended"' in result.err
        assert "--follow" in result.err
    cluster.always("GET", f"{LIST}/j", Answer(200))
    cluster.expect("GET", LIST, document({"jobs": {"j": job("Running")}}))
    result = call("service", "logs", "get", "svc", "j")
    assert (result.code, result.out, result.err) == (0, "", "the log is empty\n")
    cluster.expect("GET", LIST, Answer(200))
    result = call("service", "logs", "get", "svc", "j")
    assert (result.code, result.out) == (4, "")
    assert "the login may lack the permission" in result.err
    cluster.expect("GET", f"{LIST}/k", document(None))
    result = call("service", "logs", "get", "svc", "k")
    assert (result.code, result.out) == (6, "")
    assert 'cannot get the log of job "k": the server answers with "null" instead of a log' in result.err
    cluster.expect("GET", f"{LIST}/k", document({"log": "x"}))
    result = call("service", "logs", "get", "svc", "k")
    assert (result.code, result.out) == (1, "")
    assert 'cannot get the log of job "k": the answer is a document, no log' in result.err


def hours_ago(hours: float) -> str:
    moment = datetime.now(timezone.utc) - timedelta(hours=hours)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.123456789Z")


TIMED = "".join(f"{hours_ago(5 - n)} line {n}\n" for n in range(5))


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("--tail 2", "line 3\nline 4\n"),
        ("--tail 0", ""),
        ("--tail 99", "line 0\nline 1\nline 2\nline 3\nline 4\n"),
        ("--since 150m", "line 3\nline 4\n"),
        ("--since 2h30m --tail 1", "line 4\n"),
        ("--since MOMENT", "line 3\nline 4\n"),
        ("--since 10s", ""),
    ],
)
def test_lines_are_chosen_by_number_and_by_time(
    call: Caller, cluster: ScriptedServer, words: str, shown: str
) -> None:
    def logged(request: Request) -> Answer:
        if request.query.get("timestamps") == "true":
            return text(TIMED)
        return text("".join(line.partition(" ")[2] + "\n" for line in TIMED.splitlines()))

    cluster.always("GET", f"{LIST}/j", logged)
    words = words.replace("MOMENT", hours_ago(2.5))
    result = call("service", "logs", "get", "svc", "j", *words.split())
    assert (result.code, result.out, result.err) == (0, shown, "")
    as_json = json.loads(call("service", "logs", "get", "svc", "j", *words.split(), "-o", "json").out)
    assert as_json["log"] == shown
    stamped = call("service", "logs", "get", "svc", "j", "-t", *words.split()).out
    assert stamped == TIMED[len(TIMED) - len(stamped) :]
    assert len(stamped.splitlines()) == len(shown.splitlines())


def test_times_that_the_server_does_not_tell_are_not_made_up(call: Caller, cluster: ScriptedServer) -> None:
    cluster.always("GET", f"{LIST}/j", text("one\ntwo\n"))
    result = call("service", "logs", "get", "svc", "j", "--since", "1h")
    assert (result.code, result.out) == (0, "one\ntwo\n")
    assert result.err == "the server does not tell the times of lines: all of them are shown\n"


@pytest.mark.parametrize("words", ["--tail -1", "--tail x", "--since yesterday", "--since 2026-02-31"])
def test_what_is_no_number_and_no_time_asks_nobody(call: Caller, cluster: ScriptedServer, words: str) -> None:
    result = call("service", "logs", "get", "svc", "j", *words.split())
    assert (result.code, result.out) == (2, "")


# -- follow --------------------------------------------------------------------------------------


class Growing:
    """A job as a follower sees it: each look at the list is the next state."""

    def __init__(self, server: ScriptedServer, *looks: tuple[str, Answer]) -> None:
        self.looks: Iterator[tuple[str, Answer]] = iter(looks)
        self.last = looks[-1]
        self.log = Answer(404)
        server.always("GET", LIST, self.listed)
        server.always("GET", f"{LIST}/j", lambda _: self.log)

    def listed(self, _request: Request) -> Answer:
        state, self.log = next(self.looks, self.last)
        return Answer(hang_up=True) if state == "away" else document({"jobs": {"j": job(state)}})


def test_following_shows_each_line_once_from_before_the_start_to_the_end(
    call: Caller, cluster: ScriptedServer
) -> None:
    Growing(
        cluster,
        ("Suspended", Answer(500)),
        ("Pending", Answer(404)),
        ("Running", text("one\nhal")),
        ("Running", text("one\nhalf\n")),
        ("Succeeded", text("one\nhalf\nend")),
    )
    result = call("service", "logs", "get", "svc", "j", "--follow")
    assert (result.code, result.out) == (0, "one\nhalf\nend\n")
    assert result.err == 'job "j": Succeeded\n'


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the waiting out of waiting."""
    monkeypatch.setattr(follow, "MIN_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(follow, "MAX_PAUSE_SECONDS", 0.005)
    monkeypatch.setattr(outage, "MAX_OUTAGE_SECONDS", 0.2)


STAMPED = [f"2026-06-12T09:05:0{n}.000000001Z line {n}\n" for n in range(3)]
NOTHING = {"empty": Answer(200), "null": document(None), "null as text": text("null"), "gone": Answer(404)}


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("end", [*NOTHING, "less"])
@pytest.mark.parametrize("before", daily([*NOTHING, None], "gone", None))
def test_an_end_with_less_than_was_there_is_no_success(
    call: Caller, cluster: ScriptedServer, before: str | None, end: str
) -> None:
    answers = {**NOTHING, "less": text(STAMPED[0])}
    between = [("Running", answers[before])] if before else []
    Growing(cluster, ("Running", text("".join(STAMPED[:2]))), *between, ("Succeeded", answers[end]))
    result = call("service", "logs", "get", "svc", "j", "--follow")
    assert (result.code, result.out) == (6, "line 0\nline 1\n")
    assert "Error: cannot get the" in result.err
    assert "Succeeded" not in result.err


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("kind", [*NOTHING, "less"])
def test_an_end_that_comes_late_is_waited_for(call: Caller, cluster: ScriptedServer, kind: str) -> None:
    answer = {**NOTHING, "less": text(STAMPED[0])}[kind]
    log = iter([text("".join(STAMPED[:2])), answer, answer])
    states = iter(["Running"])
    cluster.always("GET", LIST, lambda _: document({"jobs": {"j": job(next(states, "Succeeded"))}}))
    cluster.always("GET", f"{LIST}/j", lambda _: next(log, text("".join(STAMPED))))
    result = call("service", "logs", "get", "svc", "j", "--follow")
    assert (result.code, result.out) == (0, "line 0\nline 1\nline 2\n")


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("service", "code"),
    [
        ({"log_level": "INFO"}, 6),
        ({}, 6),
        ({"log_level": "CRITICAL"}, 0),
        ({"log_level": "INFO", "environment": {"variables": {"LOG_LEVEL": "ERROR"}}}, 0),
        ({"interlink_node_name": "far"}, 0),
    ],
)
def test_a_log_without_a_line_is_believed_where_nothing_has_to_write_one(
    call: Caller, cluster: ScriptedServer, service: dict[str, Any], code: int
) -> None:
    """The supervisor begins every log, unless the service's log level silences it."""
    Growing(cluster, ("Running", Answer(200)), ("Succeeded", Answer(200)))
    cluster.always("GET", "/system/services/svc", document({"name": "svc", **service}))
    result = call("service", "logs", "get", "svc", "j", "--follow")
    assert (result.code, result.out) == (code, "")
    assert ("the server answers with nothing" in result.err) == (code == 6)


def test_a_null_in_the_place_of_a_log_is_no_log(call: Caller, cluster: ScriptedServer) -> None:
    cluster.expect("GET", f"{LIST}/j", document(None))
    result = call("service", "logs", "get", "svc", "j")
    assert (result.code, result.out) == (6, "")
    assert 'the server answers with "null" instead of a log' in result.err
    # A script may say it, too.
    cluster.expect("GET", f"{LIST}/j", text("null\n"))
    assert call("service", "logs", "get", "svc", "j").out == "null\n"


def test_a_job_that_fails_while_followed_is_exit_code_9(call: Caller, cluster: ScriptedServer) -> None:
    Growing(cluster, ("Running", text("one\n")), ("Failed", text("one\nwhy\n")))
    result = call("service", "logs", "get", "svc", "j", "-f")
    assert (result.code, result.out) == (9, "one\nwhy\n")
    assert result.err.splitlines() == ['job "j": Failed', 'Error: job "j" failed']


def test_of_a_rewritten_log_only_new_lines_are_shown(call: Caller, cluster: ScriptedServer) -> None:
    Growing(cluster, ("Running", text("old\nboth\n")), ("Succeeded", text("new\nboth\n")))
    result = call("service", "logs", "get", "svc", "j", "-f")
    assert result.out == "old\nboth\nnew\n"


def test_a_dropped_connection_does_not_end_following(
    call: Caller, cluster: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import oscarcli.api.client as client
    import oscarcli.jobs.follow as follow

    monkeypatch.setattr(follow, "MAX_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(client, "RETRY_DELAYS", ())
    Growing(
        cluster,
        ("Running", text("one\n")),
        ("away", Answer()),
        ("Running", Answer(hang_up=True)),
        ("Running", Answer(503)),
        ("Succeeded", text("one\ntwo\n")),
    )
    result = call("service", "logs", "get", "svc", "j", "-f")
    assert (result.code, result.out) == (0, "one\ntwo\n")


PARTS = {f"svc-{part}": job("Succeeded") for part in ("ebcaec12", "ebffff34", "0a1b2c3d", "x", "x-longer")}


@pytest.mark.parametrize(
    ("word", "name"), [("ebca", "svc-ebcaec12"), ("2c3", "svc-0a1b2c3d"), ("longer", "svc-x-longer")]
)
def test_a_part_that_no_other_job_has_is_enough(
    call: Caller, cluster: ScriptedServer, word: str, name: str
) -> None:
    cluster.expect("GET", f"{LIST}/{word}", Answer(404))
    cluster.expect("GET", LIST, document({"jobs": PARTS}))
    cluster.expect("GET", f"{LIST}/{name}", text("hello"))
    result = call("service", "logs", "get", "svc", word)
    assert (result.code, result.out, result.err) == (0, "hello\n", f'the job is "{name}"\n')


def test_a_whole_name_is_no_part_of_another_one(call: Caller, cluster: ScriptedServer) -> None:
    cluster.expect("GET", f"{LIST}/svc-x", text("mine"))
    assert call("service", "logs", "get", "svc", "svc-x").out == "mine\n"


def test_a_part_of_several_names_lists_them_and_shows_none(call: Caller, cluster: ScriptedServer) -> None:
    cluster.expect("GET", f"{LIST}/eb", Answer(404))
    cluster.expect("GET", LIST, document({"jobs": PARTS}))
    result = call("service", "logs", "get", "svc", "eb")
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines() == [
        'Error: "eb" is a part of the names of 2 jobs of service "svc"',
        "  svc-ebffff34",
        "  svc-ebcaec12",
        "hint: type more of the name",
    ]


def test_a_part_can_be_followed_and_never_deletes(call: Caller, cluster: ScriptedServer) -> None:
    jobs = {"svc-ebcaec12": job("Succeeded")}
    cluster.always("GET", LIST, document({"jobs": jobs}))
    cluster.always("GET", f"{LIST}/svc-ebcaec12", text("hello"))
    followed = call("service", "logs", "get", "svc", "ebca", "--follow")
    assert (followed.code, followed.out) == (0, "hello\n")
    cluster.expect("DELETE", f"{LIST}/ebca", Answer(404))
    assert call("service", "logs", "delete", "svc", "ebca").code == 5


def test_following_what_is_not_there_ends_at_once(call: Caller, cluster: ScriptedServer) -> None:
    cluster.expect("GET", LIST, document({"jobs": {"other": job("Running")}}))
    result = call("service", "logs", "get", "svc", "j", "-f")
    assert (result.code, result.out) == (5, "")
    assert 'service "svc" has no job "j"' in result.err


# -- delete --------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["delete", "d", "del", "remove", "rm"])
def test_named_jobs_are_removed_one_by_one(call: Caller, cluster: ScriptedServer, verb: str) -> None:
    for name in "ab":
        cluster.expect("DELETE", f"{LIST}/{name}", Answer(204))
    result = call("service", "logs", verb, "svc", "a", "b")
    assert (result.code, result.err) == (0, "")
    assert result.out == "".join(f'Job "{name}" from service "svc" removed successfully\n' for name in "ab")


def test_one_failure_does_not_hide_the_others(call: Caller, cluster: ScriptedServer) -> None:
    for name, status in (("a", 204), ("b", 404), ("c", 403), ("d", 204)):
        cluster.always("DELETE", f"{LIST}/{name}", Answer(status))
    result = call("service", "logs", "delete", "svc", "a", "b", "c", "d")
    assert result.code == 8
    assert [line.split('"')[1] for line in result.out.splitlines()] == ["a", "d"]
    assert result.err.splitlines()[-1] == "Error: 2 of 4 jobs were not deleted: b, c"
    assert call("service", "logs", "delete", "svc", "b").code == 5
    as_json = call("service", "logs", "delete", "svc", "a", "d", "-o", "json")
    assert json.loads(as_json.out) == {"deleted": ["a", "d"], "failed": {}, "not_tried": []}


@pytest.mark.parametrize(
    ("flag", "query", "line"),
    [
        ("--succeeded", {}, 'All succeeded jobs from service "svc" removed successfully\n'),
        ("-s", {}, 'All succeeded jobs from service "svc" removed successfully\n'),
        ("--all", {"all": "true"}, 'All jobs from service "svc" removed successfully\n'),
        ("-a", {"all": "true"}, 'All jobs from service "svc" removed successfully\n'),
    ],
)
def test_many_jobs_are_removed_at_once(
    call: Caller, cluster: ScriptedServer, flag: str, query: dict[str, str], line: str
) -> None:
    cluster.expect("DELETE", LIST, Answer(204), query=query)
    assert call("service", "logs", "delete", "svc", flag).out == line
    cluster.expect("DELETE", LIST, Answer(204), query=query)
    kind = "all" if query else "succeeded"
    assert json.loads(call("service", "logs", "delete", "svc", flag, "-o", "json").out) == {
        "service": "svc",
        "deleted": kind,
    }
    cluster.expect("DELETE", LIST, Answer(200), query=query)
    result = call("service", "logs", "delete", "svc", flag)
    assert (result.code, result.out) == (4, "")


@pytest.mark.parametrize("words", ["svc", "svc --all --succeeded", "svc a --all", "svc a -s", ""])
def test_a_deletion_must_be_clear(call: Caller, cluster: ScriptedServer, words: str) -> None:
    result = call("service", "logs", "delete", *words.split())
    assert (result.code, result.out) == (2, "")


def test_on_a_terminal_running_jobs_are_asked_about(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.always("GET", LIST, document({"jobs": {"a": job("Running"), "b": job("Succeeded")}}))
    words = ("service", "logs", "delete", "svc", "--all")
    refused = run.terminal(*words, answers=[("1 job has not ended and will be stopped. Go on? [y/N]", "n\n")])
    assert (refused.code, "nothing was removed" in refused.out) == (1, True)
    server.always("DELETE", LIST, Answer(204), query={"all": "true"})
    agreed = run.terminal(*words, answers=[("Go on? [y/N]", "y\n")])
    assert (agreed.code, "removed successfully" in agreed.out) == (0, True)
    assert "[y/N]" not in run.terminal(*words, "-y").out


def test_nothing_is_asked_where_nothing_runs_or_nobody_can_answer(
    run: Runner, server: ScriptedServer
) -> None:
    run.know(server.url)
    words = ("service", "logs", "delete", "svc", "--all")
    server.expect("GET", LIST, document({"jobs": {"b": job("Succeeded"), "c": job("Failed")}}))
    server.always("DELETE", LIST, Answer(204), query={"all": "true"})
    assert "[y/N]" not in run.terminal(*words).out
    result = run(*words)
    assert (result.code, result.out) == (0, 'All jobs from service "svc" removed successfully\n')
    assert server.calls().count(f"GET {LIST}") == 1
