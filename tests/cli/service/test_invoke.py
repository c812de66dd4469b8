"""`service run` and `service job`: inputs, answers, tokens and names."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Caller, Runner
from tests.support.server import Answer, Request, ScriptedServer, document, page, text

TOKEN = "f" * 64
IN_HISTORY = (
    "warning: the token on the command line is in the shell's history, and others here can see it; "
    "OSCAR_CLI_ENDPOINT and OSCAR_CLI_TOKEN give both without that\n"
)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
SERVICE = {"name": "svc", "token": TOKEN}


@pytest.fixture
def cluster(call: Caller, server: ScriptedServer) -> ScriptedServer:
    call.know(server.url)
    server.always("GET", "/system/services/svc", document(SERVICE))
    return server


def encoded(data: bytes) -> bytes:
    return base64.b64encode(data) + b"\n"


def sent(server: ScriptedServer) -> list[bytes]:
    return [
        base64.b64decode(request.body, validate=True)
        for request in server.requests
        if request.method == "POST"
    ]


# -- input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["run", "invoke", "r"])
def test_every_form_of_input_is_sent_in_base64_with_the_services_token(
    call: Caller, cluster: ScriptedServer, verb: str, tmp_path: Path
) -> None:
    cluster.always("POST", "/run/svc", text("ok"))
    file = tmp_path / "input"
    file.write_bytes(PNG)
    forms: list[tuple[tuple[str, ...], bytes]] = [
        (("-f", str(file)), PNG),
        (("--file-input", str(file)), PNG),
        (("-i", "größe"), "größe".encode()),
        (("--text-input=x y",), b"x y"),
        (("-i", ""), b""),
        (("-",), b"typed\x00\xff"),
        (("-f", "-"), b"typed\x00\xff"),
        (("-i", "-"), b"-"),
        (("-f", "/dev/null"), b""),
    ]
    for words, data in forms:
        result = call("service", verb, "svc", *words, input=b"typed\x00\xff")
        assert (result.code, result.out, result.err) == (0, "ok", "")
        assert sent(cluster)[-1] == data
    posted = [request for request in cluster.requests if request.method == "POST"]
    assert {request.headers["authorization"] for request in posted} == {f"Bearer {TOKEN}"}
    assert {r.headers["authorization"][:5] for r in cluster.requests if r.method == "GET"} == {"Basic"}


@pytest.mark.parametrize("verb", ["run", "job"])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", 'you must specify "--file-input" or "--text-input" flag'),
        ("-f a -i b", "you only can specify one of"),
        ("- -i b", "you only can specify one of"),
        ("input.txt", 'unexpected argument "input.txt"'),
        ("-f nowhere", 'unable to read the file "nowhere": No such file or directory'),
        ("-f .", 'unable to read the file ".": it is a folder'),
        ("-i x -e http://x", 'you must specify a service token with the flag "--token"'),
        ("-i x -t tok", 'you must specify the cluster endpoint with the flag "--endpoint"'),
        ("-i x -e nowhere -t tok", 'the endpoint "nowhere" is not an HTTP URL'),
    ],
)
def test_wrong_inputs_are_told_before_any_call(
    call: Caller, server: ScriptedServer, verb: str, words: str, message: str
) -> None:
    call.know(server.url)
    result = call("service", verb, "svc", *words.split())
    assert (result.code, result.out) == (2, "")
    assert message in result.err.splitlines()[0]


def test_only_one_way_to_decode_can_be_chosen(call: Caller) -> None:
    for words in (["--raw", "--decode"], ["--decode", "--decode-output"], ["--raw", "--decode-output"]):
        assert call("service", "run", "svc", "-i", "x", *words).code == 2


@pytest.mark.slow
def test_a_pipe_can_be_the_input_file(run: Runner, server: ScriptedServer, tmp_path: Path) -> None:
    run.know(server.url)
    server.expect("GET", "/system/services/svc", document(SERVICE))
    server.expect("POST", "/run/svc", text("ok"))
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_bytes, args=(PNG,))
    writer.start()
    result = run("service", "run", "svc", "-f", fifo)
    writer.join()
    assert (result.code, sent(server)) == (0, [PNG])


def test_words_that_are_no_text_are_sent_as_they_are(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.expect("GET", "/system/services/svc", document(SERVICE))
    server.expect("POST", "/run/svc", text("ok"))
    command = [sys.executable.encode(), b"-m", b"oscarcli", b"service", b"run", b"svc", b"-i", b"a\xffb"]
    done = subprocess.run(command, env=dict(run.environ), capture_output=True, check=False)
    assert (done.returncode, sent(server)) == (0, [b"a\xffb"])


# -- output --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "words", "shown"),
    [
        (encoded(b"hello\n"), "", b"hello\n"),
        (encoded(PNG), "", PNG),
        (b"done", "", b"done"),
        (b"done\n", "", b"done\n"),
        (b"INFO log\nplain result\n", "", b"INFO log\nplain result\n"),
        (encoded(b"hello\n"), "--raw", encoded(b"hello\n")),
        (encoded(b"hello\n"), "--decode", b"hello\n"),
        (b"done", "--decode", b"v\x89\xde"),
        (b"log line\n" + encoded(PNG) + b"\n\n", "--decode-output", PNG),
        (b"", "", b""),
        (b"\x00\xff\r\n", "", b"\x00\xff\r\n"),
    ],
)
def test_the_answer_comes_out_byte_for_byte(
    call: Caller, server: ScriptedServer, tmp_path: Path, answer: bytes, words: str, shown: bytes
) -> None:
    server.always("POST", "/run/svc", Answer(200, answer))
    target = tmp_path / "out"
    run = ("service", "run", "svc", "-e", server.url, "-t", TOKEN, "-i", "x", *words.split())
    result = call(*run)
    assert (result.code, result.raw, result.err) == (0, shown, IN_HISTORY)
    result = call(*run, "-o", target)
    assert (result.code, result.raw, target.read_bytes()) == (0, b"", shown)


def test_a_result_behind_a_log_is_left_and_the_way_to_it_told(call: Caller, cluster: ScriptedServer) -> None:
    answer = b"INFO supervisor\n" + encoded(b"result\n")
    cluster.always("POST", "/run/svc", Answer(200, answer))
    result = call("service", "run", "svc", "-i", "x")
    assert (result.code, result.raw) == (0, answer)
    assert "--decode-output gives the result" in result.err
    for words, shown in ((["--decode-output"], b"result\n"), (["--raw"], answer)):
        result = call("service", "run", "svc", "-i", "x", *words)
        assert (result.code, result.raw, result.err) == (0, shown, "")


def test_bytes_are_untouched_in_a_real_process(run: Runner, server: ScriptedServer) -> None:
    server.expect("POST", "/run/svc", Answer(200, encoded(PNG)))
    result = run("service", "run", "svc", "-e", server.url, "-t", TOKEN, "-", input=PNG)
    assert (result.code, result.raw, sent(server)) == (0, PNG, [PNG])


@pytest.mark.parametrize(
    ("words", "message"),
    [("--decode", "the answer is not base64"), ("--decode-output", "unable to find base64-encoded output")],
)
def test_what_cannot_be_decoded_is_a_failure_and_writes_no_file(
    call: Caller, cluster: ScriptedServer, tmp_path: Path, words: str, message: str
) -> None:
    cluster.expect("POST", "/run/svc", text("plain text!"))
    result = call("service", "run", "svc", "-i", "x", words, "-o", tmp_path / "out")
    assert (result.code, result.out) == (1, "")
    assert message in result.err
    assert not list(tmp_path.glob("out*"))


def test_a_file_is_replaced_whole_and_keeps_its_mode(
    call: Caller, cluster: ScriptedServer, tmp_path: Path
) -> None:
    cluster.always("POST", "/run/svc", text("answer"))
    old = tmp_path / "old"
    old.write_text("a much longer old content")
    old.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(old)
    assert call("service", "run", "svc", "-i", "x", "-o", link).code == 0
    assert link.is_symlink()
    assert old.read_text() == "answer"
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert sorted(entry.name for entry in tmp_path.iterdir() if entry.name != "home") == ["link", "old"]


def test_a_device_is_written_to_and_not_replaced(
    call: Caller, cluster: ScriptedServer, tmp_path: Path
) -> None:
    cluster.expect("POST", "/run/svc", text("answer"))
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()))
    reader.start()
    assert call("service", "run", "svc", "-i", "x", "-o", fifo).code == 0
    reader.join()
    assert read == [b"answer"]
    assert stat.S_ISFIFO(fifo.stat().st_mode)


@pytest.mark.parametrize("target", [".", "nowhere/out"])
def test_a_file_that_cannot_be_written_is_an_error(
    call: Caller, cluster: ScriptedServer, tmp_path: Path, target: str
) -> None:
    cluster.expect("POST", "/run/svc", text("answer"))
    result = call("service", "run", "svc", "-i", "x", "-o", tmp_path / target)
    assert (result.code, result.out) == (1, "")
    assert "cannot write the answer to" in result.err


# -- who is called -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config", [None, "broken: [", "- list\n", "oscar: {}\n", "oscar: {a: {endpoint: other}}\n"]
)
def test_endpoint_and_token_need_no_configuration(
    call: Caller, server: ScriptedServer, config: str | None
) -> None:
    if config is not None:
        call.write_config(config)
    server.expect("POST", "/base/run/svc", text("ok"))
    result = call("service", "run", "svc", "-i", "x", "--endpoint", f"{server.url}/base/", "--token", TOKEN)
    assert (result.code, result.out, result.err) == (0, "ok", IN_HISTORY)
    assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert (config is None) == (not call.config.exists())


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (Answer(401), 4, "check the token and the name"),
        (Answer(404), 5, "it does not exist"),
        (text("404 page not found", 404), 7, "no such route"),
        (text("invalid workload: try to reduce the service resource", 400), 7, "invalid workload"),
        (text("exit status 1", 500), 1, "exit status 1"),
        (Answer(502), 6, "may not be ready yet, or it failed"),
    ],
)
def test_a_failed_run_says_why(
    call: Caller, server: ScriptedServer, answer: Answer, code: int, words: str
) -> None:
    server.expect("POST", "/run/svc", answer)
    result = call("service", "run", "svc", "-i", "x", "-e", server.url, "-t", "hunter2-token")
    assert (result.code, result.out) == (code, "")
    assert words in result.err
    assert "hunter2" not in result.err


def test_a_web_page_may_be_a_services_answer(call: Caller, cluster: ScriptedServer) -> None:
    cluster.expect("POST", "/run/svc", page())
    assert call("service", "run", "svc", "-i", "x").out == "<html><body>Sign in</body></html>"


def test_a_missing_service_and_a_hidden_token_are_told_before_the_call(
    call: Caller, server: ScriptedServer
) -> None:
    call.know(server.url)
    server.expect("GET", "/system/services/svc", Answer(404))
    assert call("service", "run", "svc", "-i", "x").code == 5
    server.expect("GET", "/system/services/svc", document({"name": "svc"}))
    result = call("service", "job", "svc", "-i", "x")
    assert (result.code, "does not show the token" in result.err) == (4, True)


# -- job -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["job", "j"])
def test_a_job_is_given_a_name_where_the_server_takes_one(
    call: Caller, cluster: ScriptedServer, verb: str
) -> None:
    cluster.always("GET", "/system/info", document({"version": "v4.1.0"}))
    cluster.always("POST", "/job/svc", Answer(201))
    result = call("service", verb, "svc", "-i", "hello")
    posted = cluster.requests[-1]
    assert (result.code, result.err) == (0, "")
    assert result.out == posted.headers["x-delegated-job-id"] + "\n"
    assert result.out.startswith("svc-")
    assert sent(cluster) == [b"hello"]
    as_json = json.loads(call("service", verb, "svc", "-i", "hello", "-o", "json").out)
    assert as_json == {"service": "svc", "job": cluster.requests[-1].headers["x-delegated-job-id"]}
    assert call("service", verb, "svc", "-i", "x", "-v").err == "the job's name: chosen by this program\n"


def older(server: ScriptedServer, *appear: str) -> None:
    """Let the server be one that ignores our names, and list these jobs once the job was posted."""
    posted: list[Request] = []

    def post(request: Request) -> Answer:
        posted.append(request)
        return Answer(201)

    def listed(_request: Request) -> Answer:
        return document(
            {"jobs": {name: {"status": "Pending"} for name in ["old", *(appear if posted else ())]}}
        )

    server.expect("GET", "/system/info", document({"version": "v4.0.1"}))
    server.always("GET", "/system/logs/svc", listed)
    server.expect("POST", "/job/svc", post)


def test_on_an_older_server_the_name_comes_from_the_list(call: Caller, cluster: ScriptedServer) -> None:
    older(cluster, "svc-new")
    result = call("service", "job", "svc", "-i", "x", "-v")
    assert (result.code, result.out) == (0, "svc-new\n")
    assert result.err == "the job's name: the only job that is new in the list\n"


def test_a_name_that_cannot_be_told_is_a_warning(call: Caller, cluster: ScriptedServer) -> None:
    older(cluster, "svc-mine", "svc-other")
    result = call("service", "job", "svc", "-i", "x")
    assert (result.code, result.out) == (0, "")
    assert result.err == (
        "warning: the job was started, but its name cannot be told: 2 jobs began at the same time\n"
    )


@pytest.mark.parametrize("body", ["", "null"])
def test_a_job_whose_start_is_answered_with_nothing_is_not_said_to_be_started(
    call: Caller, cluster: ScriptedServer, body: str
) -> None:
    cluster.expect("GET", "/system/info", document({"version": "4.1.2"}))
    cluster.expect("POST", "/job/svc", text(body))
    result = call("service", "job", "svc", "-i", "x")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(
        'Error: cannot start a job of service "svc": the server answered 200, which does not say'
    )


def test_a_job_by_endpoint_and_token_chooses_its_name(call: Caller, server: ScriptedServer) -> None:
    server.expect("POST", "/job/svc", Answer(201))
    result = call("service", "job", "svc", "-i", "x", "-e", server.url, "-t", TOKEN, "-v")
    assert result.out.strip() == server.requests[0].headers["x-delegated-job-id"]
    assert "servers before 4.1 pick another" in result.err


@pytest.mark.parametrize(("size", "warned"), [(98_298, False), (98_301, True)])
def test_an_input_no_job_can_hold_is_warned_about(
    call: Caller, cluster: ScriptedServer, tmp_path: Path, size: int, warned: bool
) -> None:
    cluster.expect("GET", "/system/info", document({"version": "4.1"}))
    cluster.expect("POST", "/job/svc", Answer(201))
    file = tmp_path / "input"
    file.write_bytes(bytes(size))
    result = call("service", "job", "svc", "-f", file)
    assert result.code == 0
    assert ("service put-file" in result.err) is warned


def test_a_refused_job_is_an_error(call: Caller, cluster: ScriptedServer) -> None:
    cluster.expect("GET", "/system/info", document({"version": "4.1"}))
    cluster.expect("POST", "/job/svc", text("exceeded quota", 500))
    result = call("service", "job", "svc", "-i", "x", "-o", "json")
    assert (result.code, result.out) == (1, "")
    failure: dict[str, Any] = json.loads(result.err)
    assert failure["error"].endswith("exceeded quota")
