"""`hub validate`: a package's tests on a local cluster, each kind of step, and what makes them fail."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Caller
from tests.local.harness import LocalCluster, open_cluster
from tests.support.command import Runner
from tests.support.github import COMMIT, CRATES, GitHub
from tests.support.server import Answer, Request, ScriptedServer, document

WORDS = ["--local-path", str(CRATES), "-o", "json"]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A local cluster with the service of the crate, and two that do something else."""
    running = open_cluster(tmp_path_factory.mktemp("hub") / "data", parallel=4)
    script = (CRATES / "word-count" / "script.sh").read_text()
    running.create("word-count", script)
    running.create("wrong", "echo Words: none > $TMP_OUTPUT_DIR/out.txt\n")
    running.create("nothing", "true\n")
    yield running
    running.close()


@pytest.fixture(autouse=True)
def _known(call: Caller, local: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    local.become_known(call)
    monkeypatch.chdir(call.home)


def crate(folder: Path, steps: list[dict[str, Any]], *others: dict[str, Any]) -> Path:
    """Write a package whose only test has these steps."""
    steps = [{"@id": f"#{number}", "name": f"step {number}", **step} for number, step in enumerate(steps)]
    test = {"@id": "#test", "name": "The test", "step": [{"@id": step["@id"]} for step in steps]}
    dataset = {"@id": "./", "name": "Own", "subjectOf": {"@id": "#test"}}
    folder.mkdir()
    (folder / "sample.txt").write_text("one two\n")
    graph = {"@graph": [dataset, test, *steps, *others]}
    (folder / "ro-crate-metadata.json").write_text(json.dumps(graph))
    return folder


def action(name: str, **members: Any) -> dict[str, Any]:
    return {"potentialAction": {"name": name, **members}}


def steps_of(outcome: Any) -> list[tuple[str, str]]:
    [test] = json.loads(outcome.out)["tests"]
    return [(step["outcome"], step["error"] or step["details"]) for step in test["steps"]]


def test_both_tests_of_a_package_pass_and_leave_nothing_behind(call: Caller, local: LocalCluster) -> None:
    outcome = call("hub", "validate", "word-count", "--local-path", str(CRATES))
    assert outcome.code == 0, outcome.out
    lines = outcome.out.splitlines()
    assert lines[0] == "Acceptance tests for word-count"
    assert [line for line in lines if "[" in line] == [
        "- [PASS] Run it and wait",
        "  - [PASS] Run",
        "- [PASS] Upload, wait, download",
        "  - [PASS] Upload",
        "  - [PASS] Wait",
        "  - [PASS] Download",
    ]
    assert lines.count("    Output preview: Words: 6") == 2
    assert local.keys("word-count-bucket") == ["in/", "out/"]


def test_another_name_and_a_service_that_does_something_else(call: Caller) -> None:
    outcome = call("hub", "test", "word-count", "--name", "wrong", *WORDS)
    assert outcome.code == 9
    assert "2 of 2 acceptance tests failed" in outcome.err
    first, second = json.loads(outcome.out)["tests"]
    assert first["steps"][0]["error"] == 'it does not have "Words: 6"'
    assert [step["outcome"] for step in second["steps"]] == ["pass", "pass", "fail"]


def test_no_file_of_an_earlier_run_counts(call: Caller, local: LocalCluster) -> None:
    local.upload("nothing", "out/old.txt", b"Words: 6")
    outcome = call("hub", "validate", "word-count", "--name", "nothing", *WORDS)
    assert outcome.code == 9
    [_, second] = json.loads(outcome.out)["tests"]
    assert second["steps"][2]["error"] == "the job of the upload wrote no file"


def test_a_service_that_is_not_deployed(call: Caller) -> None:
    outcome = call("hub", "validate", "word-count", "--name", "absent", "--local-path", str(CRATES))
    assert (outcome.code, outcome.out) == (5, "")


def test_steps_behind_a_failure_are_not_tried(call: Caller, tmp_path: Path) -> None:
    steps = [
        action("get-file"),
        {"timeRequired": "PT5M"},
        action("run", object={"@id": "sample.txt"}),
    ]
    folder = crate(tmp_path / "own", steps, {"@id": "sample.txt"})
    outcome = call("hub", "validate", "own", "-n", "word-count", "--local-path", str(folder), "-o", "json")
    assert steps_of(outcome) == [
        ("fail", "no file was uploaded whose result could be fetched"),
        ("skip", "an earlier step of the test failed"),
        ("skip", "an earlier step of the test failed"),
    ]


def test_what_is_odd_in_the_metadata_is_told_with_file_and_key(call: Caller, tmp_path: Path) -> None:
    results: list[dict[str, Any]] = [
        {"@id": "#a", "value": ["Words"], "encodingFormat": {"@id": "https://formats.example.org/7"}},
        {"@id": "#b", "value": "Words: 2", "encodingFormat": ["text/plain", {"@id": "#b"}]},
    ]
    run = action("run", object={"@id": "sample.txt"}, result=[{"@id": "#a"}, {"@id": "#b"}])
    sample = {"@id": "sample.txt", "@type": "File"}
    folder = crate(tmp_path / "own", [{**run, "position": 10**400}], sample, *results)
    metadata = folder / "ro-crate-metadata.json"
    document = json.loads(metadata.read_text())
    document["@graph"][1]["supply"] = {"@id": "#gone"}
    metadata.write_text(json.dumps(document))
    outcome = call("hub", "validate", "own", "-n", "word-count", "--local-path", str(folder), "-o", "json")
    assert steps_of(outcome) == [("pass", "")]
    [test] = json.loads(outcome.out)["tests"]
    assert test["steps"][0]["expected_media_types"] == ["text/plain"]
    warnings = [line for line in outcome.err.splitlines() if line.startswith("warning")]
    assert warnings == [
        'warning: ro-crate-metadata.json: supply: "#gone" is not in the graph',
        "warning: ro-crate-metadata.json: #a: value: expected a text",
    ]


def test_a_step_without_a_criterion_is_told_as_that(call: Caller, tmp_path: Path) -> None:
    folder = crate(tmp_path / "own", [action("run", object=[{"@id": "sample.txt"}], result={"@id": "gone"})])
    outcome = call("hub", "validate", "own", "-n", "word-count", "--local-path", str(folder), "-o", "json")
    assert outcome.code == 0
    assert steps_of(outcome) == [
        ("pass", "nothing was compared: the metadata do not say what has to come out")
    ]
    place = "ro-crate-metadata.json"
    assert f'warning: {place}: object: "sample.txt" is not in the graph' in outcome.err
    assert f'warning: {place}: result: "gone" is not in the graph' in outcome.err


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("oscar-cli service run word-count -f sample.txt", "pass"),
        ("ocli-dev service run word-count --text-input 'a b c'", "pass"),
        ("oscar-cli service run word-count -i sample.txt", "pass"),
        ("rm -rf /", "fail"),
        ("oscar-cli service delete word-count", "fail"),
        ("oscar-cli service run 'open", "fail"),
    ],
)
def test_older_metadata_have_command_lines(call: Caller, tmp_path: Path, command: str, expected: str) -> None:
    folder = crate(tmp_path / "own", [{"command": command}], {"@id": "sample.txt"})
    outcome = call("hub", "validate", "own", "-n", "word-count", "--local-path", str(folder), "-o", "json")
    [(verdict, told)] = steps_of(outcome)
    assert (verdict, outcome.code) == (expected, 0 if expected == "pass" else 9)
    assert expected == "pass" or "is no command" in told


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "missing.txt"])
def test_inputs_stay_within_the_package(call: Caller, tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_text("TOP SECRET")
    folder = crate(tmp_path / "own", [action("run", object={"@id": path})], {"@id": path})
    outcome = call("hub", "validate", "own", "-n", "word-count", "--local-path", str(folder), "-o", "json")
    [(verdict, told)] = steps_of(outcome)
    assert (verdict, "TOP SECRET" in outcome.out) == ("fail", False)
    assert "leads out of" in told or "there is no file" in told


@pytest.mark.parametrize(
    ("slug", "code", "words"),
    [
        ("broken", 3, "ro-crate-metadata.json:4: it is no JSON"),
        ("two-services", 3, 'subjectOf: "two-services" has no acceptance tests'),
        ("nowhere", 5, "ro-crate-metadata.json"),
    ],
)
def test_packages_without_tests(call: Caller, slug: str, code: int, words: str) -> None:
    outcome = call("hub", "validate", slug, "--local-path", str(CRATES))
    assert (outcome.code, words in outcome.err) == (code, True), outcome.err


def test_the_tests_of_the_hub_itself_as_shell_commands(call: Caller, hub: GitHub) -> None:
    hub.serve()
    words = ["hub", "check", "word-count", "--api-base", hub.api.url, "--print-acceptance-commands"]
    raw = f"'Accept: application/vnd.github.raw' -o sample.txt '{hub.api.url}/repos/grycap/oscar-hub/contents"
    assert call(*words).out.splitlines() == [
        "# Acceptance commands for word-count",
        "# Run it and wait",
        f"curl -fsSL -H {raw}/crates/word-count/sample.txt?ref={COMMIT}'",
        "oscar-cli service run word-count -f sample.txt",
        "# Upload, wait, download",
        "oscar-cli service put-file word-count sample.txt",
        "sleep 30",
        "oscar-cli service get-file word-count --download-latest-into=.",
    ]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_printed_commands_do_what_the_test_does(call: Caller, hub: GitHub, run: Runner) -> None:
    hub.serve()
    hub.serve_file("crates/word-count/sample.txt")
    printed = call(
        "hub", "validate", "word-count", "--api-base", hub.api.url, "--print-acceptance-commands"
    ).out
    first, _, _ = printed.partition("# Upload, wait, download")
    program = Path(sys.executable).parent
    environ = {**run.environ, "PATH": f"{program}:{run.environ['PATH']}", "NO_PROXY": "*"}
    done = subprocess.run(
        ["sh", "-eu"], input=first, env=environ, cwd=call.home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (call.home / "sample.txt").read_bytes() == (CRATES / "word-count" / "sample.txt").read_bytes()
    assert base64.b64encode(b"Words: 6\n").decode() in done.stdout


def test_a_pinned_version_is_the_one_whose_tests_are_run(call: Caller, hub: GitHub) -> None:
    hub.serve()
    assert call("hub", "deploy", "word-count", "--api-base", hub.api.url, "--pin").code == 0
    hub.commit = "4" * 40
    words = ["hub", "validate", "word-count", "--api-base", hub.api.url, "--print-acceptance-commands"]
    token = {"GITHUB_TOKEN": "ghp_abcdefghijklmnopqrstuvwxyz0123456789"}
    of_pinned, of_main = (call(*words, *more, env=token).out for more in ([], ["--ref", "main"]))
    assert f"sample.txt?ref={COMMIT}" in of_pinned
    assert f"sample.txt?ref={'4' * 40}" in of_main
    assert 'curl -fsSL -H "Authorization: Bearer $GITHUB_TOKEN" -H ' in of_main
    assert "ghp_" not in of_pinned + of_main


def test_printed_commands_go_to_the_chosen_cluster_with_the_files_of_the_folder(
    call: Caller, hub: GitHub, tmp_path: Path
) -> None:
    folder = tmp_path / "a b"
    steps: list[dict[str, Any]] = [
        {"timeRequired": 30},
        {"command": "rm '\nrm -rf everything'"},
        action("run", object={"@id": "../secret"}),
        action("run", object={"@id": "#far"}),
        action("put-file", object={"@id": "sample.txt"}),
    ]
    far = {"@id": "#far", "contentUrl": "https://files.example.org/far.txt?x=1"}
    crate(folder, steps, {"@id": "sample.txt"}, far)
    words = ["-n", "abc", "-c", "local", "--local-path", str(folder), "--print-acceptance-commands"]
    outcome = call("hub", "validate", "own", *words)
    assert outcome.out.splitlines() == [
        "# Acceptance commands for own",
        "# The test",
        '# ro-crate-metadata.json: #0: timeRequired: "30" is no duration such as PT30S',
        '# ro-crate-metadata.json: #1: command: "rm rm -rf everything" is no command that a test may have',
        '# "../secret" leads out of the repository',
        "curl -fsSL -o far.txt 'https://files.example.org/far.txt?x=1'",
        "oscar-cli service run abc -c local -f far.txt",
        f"oscar-cli service put-file abc -c local '{folder}/sample.txt'",
    ]


def _http(folder: Path, **properties: str) -> Path:
    listed = [{"propertyID": key, "value": value} for key, value in properties.items()]
    step = action("http-request", object={"@id": "sample.txt"}, additionalProperty=listed)
    return crate(folder, [step], {"@id": "sample.txt"})


@pytest.mark.parametrize(
    ("answer", "verdict", "told"),
    [
        (Answer(200, b"fine"), "pass", "only the status, 200, was compared"),
        (Answer(503, b"down"), "fail", "the answer's status is 503, not 200"),
    ],
)
def test_calls_of_an_exposed_service(
    call: Caller, server: ScriptedServer, tmp_path: Path, answer: Answer, verdict: str, told: str
) -> None:
    call.know(server.url)
    seen: list[Request] = []

    def reply(request: Request) -> Answer:
        seen.append(request)
        return answer

    service = {"name": "model", "token": "t" * 64, "expose": {"set_auth": True, "api_port": [80]}}
    server.always("GET", "/system/services/model", document(service))
    server.always("POST", "/system/services/model/exposed/v2/predict/", reply)
    folder = _http(tmp_path / "own", path="/v2/predict/", accept="text/plain", formField="data")
    words = ["--local-path", str(folder), "-n", "model", "-o", "json"]
    outcome = call("hub", "validate", "own", *words)
    assert steps_of(outcome) == [(verdict, told)]
    [request] = seen
    assert request.headers["authorization"].startswith("Basic ")
    assert request.headers["accept"] == "text/plain"
    assert b'name="data"; filename="sample.txt"' in request.body
    assert b"one two\n" in request.body
    printed = call("hub", "validate", "own", *words[:4], "--print-acceptance-commands").out
    assert f"export OSCAR_ENDPOINT={server.url}\n" in printed
    assert f"-F data=@{folder}/sample.txt" in printed
    assert "t" * 64 not in printed
