"""`apply` and `delete`: the real command against a server that answers as told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Outcome, Runner

Answer = tuple[int, str]
NO_ROUTE = (404, "404 page not found")


@dataclass
class Cluster:
    """A server with the routes that apply and delete use.

    `services` is what it has, `answers` what it says to a method and path instead of its own answer, and
    `requests` what it was asked: method, path, document.
    """

    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    version: str = "4.1.2"
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    endpoint: str = ""
    hang: threading.Event = field(default_factory=threading.Event)

    def answer(self, method: str, path: str, document: Any) -> Answer:
        self.requests.append((method, path, document))
        name = path.removeprefix("/system/services/")
        if method in ("POST", "PUT"):
            name = document["name"]
        told = self.answers.get((method, name if path.startswith("/system/services") else path))
        if told is not None:
            return told
        if path == "/system/info":
            return 200, json.dumps({"version": self.version})
        if not path.startswith("/system/services"):
            return NO_ROUTE
        return self._own(method, name, document)

    def _own(self, method: str, name: str, document: Any) -> Answer:
        if method == "POST":
            self.services[name] = document
            return 201, ""
        if name not in self.services:
            return 404, ""
        if method == "GET":
            return 200, json.dumps(self.services[name])
        if method == "PUT":
            self.services[name] = document
        else:
            del self.services[name]
        return 204, ""

    def asked(self) -> list[str]:
        """Return the requests as `METHOD name`."""
        return [
            f"{method} {document['name'] if document else path.rpartition('/')[2]}"
            for method, path, document in self.requests
        ]


@pytest.fixture
def make_cluster() -> Iterator[Callable[[], Cluster]]:
    running: list[tuple[Cluster, ThreadingHTTPServer, threading.Thread]] = []

    def make() -> Cluster:
        cluster = Cluster()
        server = _server(cluster)
        cluster.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        running.append((cluster, server, thread))
        return cluster

    yield make
    for cluster, server, thread in running:
        cluster.hang.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _server(cluster: Cluster) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, text = cluster.answer(self.command, self.path, json.loads(body) if body else None)
            if status == 0:
                cluster.hang.wait(60)
                self.close_connection = True
                return
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 -- names of http.server

        def log_message(self, *_arguments: Any) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def cluster(make_cluster: Callable[[], Cluster], run: Runner) -> Cluster:
    """A cluster that is on record as `oscar-cluster`, the default one."""
    cluster = make_cluster()
    record(run, {"oscar-cluster": cluster})
    return cluster


def record(run: Runner, clusters: dict[str, Cluster], default: str = "oscar-cluster") -> None:
    entries = {
        name: {"endpoint": c.endpoint, "auth_user": "oscar", "auth_password": "hunter2", "ssl_verify": True}
        for name, c in clusters.items()
    }
    run.config.parent.mkdir(exist_ok=True)
    run.config.write_text(json.dumps({"oscar": entries, "default": default}))
    run.config.chmod(0o600)


def fdl(
    run: Runner, *names: str, extra: str = "", key: str = "oscar-cluster", file: str = "posenet.yaml"
) -> Path:
    """Write an FDL of services with these names, and their script."""
    (run.home / "script.sh").write_text("#!/bin/sh\necho hi\n")
    items = "".join(
        f"  - {key}:\n      name: {name}\n      image: example/image\n      script: script.sh\n{extra}"
        for name in names
    )
    path = run.home / file
    path.write_text(f"functions:\n  oscar:\n{items}")
    return path


def lines(outcome: Outcome) -> list[str]:
    return outcome.out.splitlines()


# -- what is done ----------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["apply", "a"])
def test_apply_creates_then_leaves_alone_and_edits_what_differs(
    run: Runner, cluster: Cluster, word: str
) -> None:
    file = fdl(run, "posenet")
    created = run(word, file)
    assert (created.code, created.err) == (0, "")
    assert created.out == (
        'Applying file "posenet.yaml"...\n✓ Creating service "posenet" in cluster "oscar-cluster"\n'
    )
    assert cluster.services["posenet"] == {
        "name": "posenet",
        "image": "example/image",
        "script": "#!/bin/sh\necho hi\n",
        "cluster_id": "oscar-cluster",
        "storage_providers": {"minio": {}},
    }
    again = run(word, file)
    assert (again.code, again.err) == (0, "")
    assert lines(again)[1] == '✓ Unchanged service "posenet" in cluster "oscar-cluster"'
    edited = run(word, fdl(run, "posenet", extra="      memory: 1Gi\n"))
    assert (edited.code, edited.err) == (0, "")
    assert lines(edited)[1] == '✓ Editing service "posenet" in cluster "oscar-cluster"'
    assert cluster.services["posenet"]["memory"] == "1Gi"
    assert cluster.asked() == [
        *("GET posenet", "POST posenet"),
        "GET posenet",
        *("GET posenet", "PUT posenet"),
    ]


@pytest.mark.parametrize("word", ["delete", "d", "del", "remove", "rm"])
def test_delete_needs_nothing_but_names(run: Runner, cluster: Cluster, word: str) -> None:
    cluster.services = {"posenet": {}, "other": {}}
    file = fdl(run, "posenet", extra="      memory: 3 GB\n      memroy: 3\n")
    (run.home / "script.sh").unlink()
    outcome = run(word, file)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        'Deleting file "posenet.yaml"...\n✓ Removing service "posenet" in cluster "oscar-cluster"\n'
    )
    assert list(cluster.services) == ["other"]
    assert cluster.asked() == ["DELETE posenet"]


def test_the_owner_is_kept_by_an_edit(run: Runner, cluster: Cluster) -> None:
    cluster.services["posenet"] = {"name": "posenet", "owner": "someone", "token": "t", "bucket_list": ["b"]}
    assert run("apply", fdl(run, "posenet")).code == 0
    assert cluster.services["posenet"]["owner"] == "someone"
    assert not {"token", "bucket_list"} & cluster.services["posenet"].keys()


def test_an_fdl_comes_through_standard_input(run: Runner, cluster: Cluster) -> None:
    text = fdl(run, "posenet").read_text()
    outcome = run("apply", "-", input=text)
    assert lines(outcome)[0] == 'Applying file "<stdin>"...'
    assert list(cluster.services) == ["posenet"]


@pytest.mark.parametrize(
    ("version", "ports"), [("4.1.0", [80]), ("v4.0.2", 80), ("devel", [80]), ("3.6.0", 80)]
)
def test_ports_are_sent_as_the_server_s_version_wants_them(
    run: Runner, cluster: Cluster, version: str, ports: Any
) -> None:
    cluster.version = version
    assert run("apply", fdl(run, "posenet", "other", extra="      expose: {api_port: 80}\n")).code == 0
    assert cluster.services["posenet"]["expose"]["api_port"] == ports
    assert cluster.services["other"]["expose"]["api_port"] == ports
    assert cluster.asked().count("GET info") == 1


def test_no_password_of_the_configuration_is_put_into_a_service(run: Runner, cluster: Cluster) -> None:
    outcome = run("apply", fdl(run, "posenet"))
    assert "hunter2" not in json.dumps(cluster.services) + outcome.out + outcome.err


def test_a_service_with_replicas_is_given_their_logins_aloud(
    run: Runner, cluster: Cluster, make_cluster: Callable[[], Cluster]
) -> None:
    record(run, {"oscar-cluster": cluster, "replica": make_cluster()})
    extra = (
        "      federation:\n        members: [{type: oscar, cluster_id: replica, service_name: posenet}]\n"
    )
    outcome = run("apply", fdl(run, "posenet", extra=extra))
    assert outcome.code == 0
    assert 'service "posenet" is given the login of replica' in outcome.err
    assert "hunter2" not in outcome.err
    assert list(cluster.services["posenet"]["clusters"]) == ["replica"]


def test_dry_run_sends_nothing(run: Runner, cluster: Cluster) -> None:
    cluster.services["b"] = {"name": "b"}
    outcome = run("apply", "--dry-run", fdl(run, "a", "b"))
    assert outcome.code == 0
    assert lines(outcome) == [
        'Planning file "posenet.yaml"...',
        'Would create service "a" in cluster "oscar-cluster"',
        'Would edit service "b" in cluster "oscar-cluster"',
        '  + image: "example/image"',
        "  ~ script:",
        "    --- cluster",
        "    +++ FDL",
        "    @@ -0,0 +1,2 @@",
        "    +#!/bin/sh",
        "    +echo hi",
    ]
    assert cluster.asked() == ["GET a", "GET b"]


def test_dry_run_tells_what_it_could_not_find_out(run: Runner, cluster: Cluster) -> None:
    cluster.answers["GET", "a"] = (500, "boom")
    outcome = run("apply", "--dry-run", fdl(run, "a", "b"))
    assert outcome.code == 8
    assert 'Would create service "b" in cluster "oscar-cluster"' in lines(outcome)
    assert "(HTTP 500): boom" in outcome.err
    assert cluster.services == {}


# -- several services ------------------------------------------------------------------------------


def test_one_failure_hides_no_other_outcome(run: Runner, cluster: Cluster) -> None:
    cluster.services["a"] = {"name": "a"}
    cluster.answers["POST", "b"] = (500, "Error creating the service: quota\n")
    outcome = run("apply", fdl(run, "a", "b", "c"))
    assert outcome.code == 8
    assert lines(outcome) == [
        'Applying file "posenet.yaml"...',
        '✓ Editing service "a" in cluster "oscar-cluster"',
        '✗ Creating service "b" in cluster "oscar-cluster"',
        '✓ Creating service "c" in cluster "oscar-cluster"',
    ]
    assert outcome.err.splitlines() == [
        'service "b" in cluster "oscar-cluster": cannot create service "b": the server failed (HTTP 500): '
        "Error creating the service: quota",
        "created 1, edited 1, unchanged 0, failed 1, not tried 0",
        "Error: 1 of 3 services failed",
    ]


def test_all_went_well_is_summed_up(run: Runner, cluster: Cluster) -> None:
    cluster.services["b"] = {"name": "b"}
    outcome = run("apply", fdl(run, "a", "b"))
    assert (outcome.code, outcome.err) == (0, "created 1, edited 1, unchanged 0, failed 0, not tried 0\n")


def test_failures_of_one_kind_have_its_code(run: Runner, cluster: Cluster) -> None:
    for name in ("a", "b"):
        cluster.answers["POST", name] = (400, "The service specification is not valid: no\n")
    outcome = run("apply", fdl(run, "a", "b"))
    assert outcome.code == 7
    assert outcome.err.splitlines()[-2:] == [
        "created 0, edited 0, unchanged 0, failed 2, not tried 0",
        "Error: 2 of 2 services failed",
    ]
    cluster.answers["POST", "b"] = (500, "")
    assert run("apply", fdl(run, "a", "b")).code == 8


def test_a_refused_login_is_not_tried_again(run: Runner, cluster: Cluster) -> None:
    for name in ("a", "b"):
        cluster.answers["GET", name] = (401, "")
    outcome = run("apply", fdl(run, "a", "b"))
    assert outcome.code == 4
    assert lines(outcome)[1:] == ['✗ Checking service "a" in cluster "oscar-cluster"']
    assert 'service "b" in cluster "oscar-cluster": not tried' in outcome.err
    assert "created 0, edited 0, unchanged 0, failed 1, not tried 1" in outcome.err
    assert cluster.asked() == ["GET a"]


def test_somebody_else_s_service_stops_no_other(run: Runner, cluster: Cluster) -> None:
    cluster.answers["GET", "a"] = (403, "User x doesn't have permision to get this service")
    outcome = run("apply", fdl(run, "a", "b"))
    assert outcome.code == 8
    assert "doesn't have permision" in outcome.err
    assert list(cluster.services) == ["b"]


def test_a_dead_cluster_does_not_keep_a_living_one_waiting(
    run: Runner, cluster: Cluster, make_cluster: Callable[[], Cluster]
) -> None:
    dead = Cluster(endpoint="http://127.0.0.1:1")
    record(run, {"oscar-cluster": cluster, "dead": dead})
    file = fdl(run, "a", "b", key="dead")
    with file.open("a") as more:
        more.write("  - oscar-cluster:\n      name: c\n      image: i\n      script: script.sh\n")
    outcome = run("apply", file)
    assert outcome.code == 8
    assert lines(outcome)[1:] == [
        '✗ Checking service "a" in cluster "dead"',
        '✓ Creating service "c" in cluster "oscar-cluster"',
    ]
    assert "created 1, edited 0, unchanged 0, failed 1, not tried 1" in outcome.err
    assert 'service "b" in cluster "dead": not tried' in outcome.err


def test_delete_goes_on_after_a_missing_service(run: Runner, cluster: Cluster) -> None:
    cluster.services = {"b": {}}
    cluster.answers["DELETE", "c"] = (500, 'the service "c" does not have a registered ConfigMap')
    outcome = run("delete", fdl(run, "a", "b", "c"))
    assert outcome.code == 8
    assert lines(outcome)[1:] == [
        '✗ Removing service "a" in cluster "oscar-cluster"',
        '✓ Removing service "b" in cluster "oscar-cluster"',
        '✗ Removing service "c" in cluster "oscar-cluster"',
    ]
    assert "removed 1, missing 2, failed 0, not tried 0" in outcome.err
    assert run("delete", fdl(run, "a", "b", "c")).code == 5
    ignoring = run("delete", "--ignore-missing", fdl(run, "a", "b", "c"))
    assert ignoring.code == 0
    assert lines(ignoring)[1] == '✓ Removing service "a" in cluster "oscar-cluster"'
    assert 'service "a" in cluster "oscar-cluster": there is none' in ignoring.err


# -- one service that fails ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "answer", "code", "words"),
    [
        ("GET", (401, ""), 4, "credentials are not accepted"),
        ("GET", (500, "boom"), 1, "boom"),
        ("GET", NO_ROUTE, 7, "no such route"),
        ("GET", (502, ""), 6, "HTTP 502"),
        ("GET", (200, "<html>"), 1, "not JSON"),
        ("GET", (200, ""), 4, "answered nothing"),
        (
            "POST",
            (400, "A service with the provided name already exists"),
            7,
            "choose another one with --name",
        ),
        ("POST", (409, "A secret with the given name already exists"), 7, "delete service"),
        ("POST", (500, 'the bucket "b" already exists\n'), 1, "delete the bucket"),
        ("POST", (413, ""), 7, "too large"),
        ("POST", NO_ROUTE, 7, "no such route"),
    ],
)
def test_one_service_fails_with_the_error_s_own_code(
    run: Runner, cluster: Cluster, method: str, answer: Answer, code: int, words: str
) -> None:
    cluster.answers[method, "posenet"] = answer
    outcome = run("apply", fdl(run, "posenet"))
    verb = "Checking" if method == "GET" else "Creating"
    assert outcome.code == code
    assert words in outcome.err
    assert outcome.err.count("Error: ") == 1
    assert lines(outcome)[1:] == [f'✗ {verb} service "posenet" in cluster "oscar-cluster"']
    # Whatever cannot be told apart from "it exists" is never taken as leave to create.
    assert [word for word in cluster.asked() if word.startswith("POST")] == (
        ["POST posenet"] if method == "POST" else []
    )


def test_a_server_that_does_not_answer_in_time(run: Runner, cluster: Cluster) -> None:
    cluster.answers["POST", "posenet"] = (0, "")
    outcome = run("apply", "--timeout", "0.5", fdl(run, "posenet"))
    assert outcome.code == 6
    assert "it may still be in progress there" in outcome.err


def test_delete_of_what_is_not_there(run: Runner, cluster: Cluster) -> None:
    outcome = run("delete", fdl(run, "posenet"))
    assert outcome.code == 5
    assert "--ignore-missing" in outcome.err
    assert run("delete", "--ignore-missing", fdl(run, "posenet")).code == 0


def test_delete_on_a_server_without_the_route_is_a_failure(run: Runner, cluster: Cluster) -> None:
    cluster.answers["DELETE", "posenet"] = NO_ROUTE
    assert run("delete", "--ignore-missing", fdl(run, "posenet")).code == 7


# -- names, environment, clusters ------------------------------------------------------------------


def test_name_renames_the_service_and_its_bucket_and_delete_finds_it(run: Runner, cluster: Cluster) -> None:
    extra = "      input: [{storage_provider: minio, path: posenet/in}]\n"
    file = fdl(run, "posenet", extra=extra)
    assert run("apply", file, "-n", "mine").code == 0
    assert cluster.services["mine"]["input"][0]["path"] == "mine/in"
    assert run("delete", file, "--name", "mine").code == 0
    assert cluster.services == {}


def test_name_for_several_services_is_a_mapping(run: Runner, cluster: Cluster) -> None:
    file = fdl(run, "a", "b")
    refused = run("apply", file, "--name", "x")
    assert (refused.code, refused.out, cluster.requests) == (2, "", [])
    assert "--name a=NEW --name b=NEW" in refused.err
    assert run("apply", file, "--name", "a=x", "--name", "b=y").code == 0
    assert list(cluster.services) == ["x", "y"]


def test_env_file_fills_in_and_says_what_it_did(run: Runner, cluster: Cluster) -> None:
    (run.home / "env").write_text("export MODEL='a b'\nKEY=secret-value\nOTHER=1\n")
    extra = "      environment:\n        Variables: {MODEL: }\n        secrets: {KEY: }\n"
    outcome = run("apply", fdl(run, "posenet", extra=extra), "--env-file", run.home / "env")
    assert outcome.code == 0
    assert cluster.services["posenet"]["environment"] == {
        "variables": {"MODEL": "a b"},
        "secrets": {"KEY": "secret-value"},
    }
    assert outcome.err.splitlines() == [
        f"from {run.home / 'env'}: MODEL, KEY",
        f"warning: no service has these variables or secrets of {run.home / 'env'}: OTHER",
    ]


def test_a_wrong_env_file_stops_before_anything_is_sent(run: Runner, cluster: Cluster) -> None:
    (run.home / "env").write_text("A=1\nB\n")
    outcome = run("apply", fdl(run, "posenet"), "--env-file", "env")
    assert (outcome.code, outcome.out, cluster.requests) == (3, "", [])
    assert outcome.err == "Error: invalid env file env at line 2: expected KEY=value\n"


@pytest.mark.parametrize(
    ("key", "words", "target"),
    [
        ("oscar-cluster", [], "oscar-cluster"),
        ("other", [], "other"),
        ("default-cluster", [], "oscar-cluster"),
        ("other", ["--default"], "oscar-cluster"),
        ("oscar-cluster", ["-c", "other"], "other"),
        ("nowhere", ["--cluster=other"], "other"),
        ("nowhere", ["--default", "-c", "other"], "oscar-cluster"),
    ],
)
def test_the_target_cluster(
    run: Runner,
    cluster: Cluster,
    make_cluster: Callable[[], Cluster],
    key: str,
    words: list[str],
    target: str,
) -> None:
    clusters = {"oscar-cluster": cluster, "other": make_cluster()}
    record(run, clusters)
    file = fdl(run, "posenet", key=key)
    # The variable tells which cluster is meant where nothing else does; here the file does.
    outcome = run("apply", *words, file, env={"OSCAR_CLI_CLUSTER": "nowhere"})
    assert outcome.code == 0, outcome.err
    assert lines(outcome)[1] == f'✓ Creating service "posenet" in cluster "{target}"'
    assert clusters[target].services["posenet"]["cluster_id"] == target
    assert run("delete", *words, file).code == 0
    assert clusters[target].services == {}


@pytest.mark.parametrize("verb", ["apply", "delete"])
def test_an_unknown_cluster(run: Runner, cluster: Cluster, verb: str) -> None:
    file = fdl(run, "a", key="oscar-clutser")
    outcome = run(verb, file)
    assert (outcome.code, outcome.out, cluster.requests) == (3, "", [])
    assert 'Error: the cluster "oscar-clutser" doesn\'t exist\n' in outcome.err
    assert "did you mean oscar-cluster?" in outcome.err
    assert "oscar-cli cluster add" in outcome.err


def test_without_a_default_cluster(run: Runner, cluster: Cluster) -> None:
    record(run, {"oscar-cluster": cluster}, default="")
    outcome = run("apply", fdl(run, "a", key="default-cluster"))
    assert (outcome.code, cluster.requests) == (3, [])
    assert "oscar-cli cluster default --set" in outcome.err


# -- files -----------------------------------------------------------------------------------------


def test_all_mistakes_are_shown_and_nothing_is_sent(run: Runner, cluster: Cluster) -> None:
    file = fdl(run, "a", extra="      memory: 256Mb\n      enable_gpu: maybe\n      memroy: 1\n")
    outcome = run("apply", file)
    assert (outcome.code, outcome.out, cluster.requests) == (3, "", [])
    place = "functions.oscar[0].oscar-cluster"
    assert outcome.err.splitlines() == [
        f'warning: {file}:9: {place}.memroy: unknown key, did you mean "memory"?',
        f'Error: the FDL "{file}" has 2 mistakes',
        f'{file}:7: {place}.memory: "256Mb" is not a quantity, did you mean "256Mi"?',
        f'{file}:8: {place}.enable_gpu: expected true or false, not "maybe"',
    ]


def test_mistakes_in_json(run: Runner, cluster: Cluster) -> None:
    file = fdl(run, "a", extra="      memory: 256Mb\n")
    outcome = run("apply", "-o", "json", file)
    assert (outcome.code, outcome.out) == (3, "")
    document = json.loads(outcome.err)
    assert document["error"] == f'the FDL "{file}" has 1 mistake'
    assert [detail.partition(": ")[0] for detail in document["details"]] == [f"{file}:7"]


@pytest.mark.parametrize("verb", ["apply", "delete"])
@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("gone.yaml", None, 'cannot read the FDL "gone.yaml": No such file or directory'),
        (".", None, 'cannot read the FDL ".": it is a folder'),
        ("f.yaml", "", "f.yaml:1: the file is empty"),
        ("f.yaml", "a: b: c\n", "f.yaml:1: not valid YAML"),
        ("f.yaml", "\x00\x01", "f.yaml:1: the control character U+0000"),
        ("f.yaml", "{" * 100000, "f.yaml:1: nested more than"),
        ("f.yaml", "just words\n", "f.yaml:1: expected keys and values, not a single value"),
        (
            "f.json",
            '{"functions": {"oscar": []}}',
            "f.json:1: functions.oscar: the list of services is empty",
        ),
    ],
)
def test_files_that_are_no_fdl(
    run: Runner, cluster: Cluster, verb: str, name: str, text: str | None, words: str
) -> None:
    if text is not None:
        (run.home / name).write_text(text)
    outcome = run(verb, name)
    assert (outcome.code, outcome.out, cluster.requests) == (3, "", [])
    assert words in outcome.err
    assert "Traceback" not in outcome.err


def test_control_characters_of_a_file_never_reach_the_terminal(run: Runner, cluster: Cluster) -> None:
    file = fdl(run, '"a\\e[31m"')
    outcome = run("apply", file)
    assert outcome.code == 3
    assert "\x1b" not in outcome.err


@pytest.mark.parametrize("verb", ["apply", "delete"])
def test_words_are_counted(run: Runner, verb: str) -> None:
    assert run(verb).code == 2
    assert run(verb, "a.yaml", "b.yaml").code == 2
    assert run(verb, "--help").code == 0


# -- forms of the answer, and the terminal ---------------------------------------------------------


@pytest.mark.parametrize("verb", ["apply", "delete"])
def test_json_has_every_outcome(run: Runner, cluster: Cluster, verb: str) -> None:
    cluster.services = {"a": {"name": "a"}, "b": {"name": "b"}}
    method = "PUT" if verb == "apply" else "DELETE"
    cluster.answers[method, "b"] = (500, "boom")
    file = fdl(run, "a", "b")
    outcome = run(verb, "-o", "json", file)
    assert outcome.code == 8
    document = json.loads(outcome.out)
    kind = "edit" if verb == "apply" else "delete"
    assert document["file"] == str(file)
    [first, second] = document["services"]
    assert first == {"service": "a", "cluster": "oscar-cluster", "action": kind, "outcome": "done"}
    assert second.pop("error").endswith("(HTTP 500): boom")
    assert second == {
        "service": "b",
        "cluster": "oscar-cluster",
        "action": kind,
        "outcome": "failed",
        "code": 1,
    }
    assert json.loads(outcome.err.splitlines()[-1])["code"] == 8


def test_json_of_a_plan(run: Runner, cluster: Cluster) -> None:
    document = json.loads(run("apply", "--dry-run", "-o", "json", fdl(run, "a")).out)
    assert document["services"] == [
        {"service": "a", "cluster": "oscar-cluster", "action": "create", "outcome": "planned"}
    ]


def test_marks_are_green_and_red_on_a_terminal_only(run: Runner, cluster: Cluster) -> None:
    cluster.answers["POST", "b"] = (500, "boom")
    outcome = run.terminal("apply", str(fdl(run, "a", "b")))
    assert 'Creating service "a" in cluster "oscar-cluster"...\r\x1b[K' in outcome.out
    assert '\x1b[32m✓\x1b[0m Creating service "a" in cluster "oscar-cluster"' in outcome.out
    assert '\x1b[31m✗\x1b[0m Creating service "b" in cluster "oscar-cluster"' in outcome.out


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, []), ("\n", 2, ["posenet"])])
def test_delete_asks_on_a_terminal(
    run: Runner, cluster: Cluster, answer: str, code: int, left: list[str]
) -> None:
    cluster.services = {"posenet": {}}
    outcome = run.terminal("delete", str(fdl(run, "posenet")), answers=[("[y/N]", answer)])
    assert outcome.code == code
    assert "buckets" in outcome.out
    assert list(cluster.services) == left


def test_yes_asks_nothing(run: Runner, cluster: Cluster) -> None:
    cluster.services = {"posenet": {}}
    assert run.terminal("delete", "--yes", str(fdl(run, "posenet"))).code == 0
    assert cluster.services == {}
