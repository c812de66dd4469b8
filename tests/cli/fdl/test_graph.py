"""`graph`: a workflow as a tree, a table, a document, and as drawings in two languages."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Caller, Runner


def service(name: str, reads: str = "", writes: str = "", *, cluster: str = "default-cluster") -> str:
    def entries(key: str, paths: str) -> str:
        found = "".join(f"      - {{storage_provider: minio.default, path: {p}}}\n" for p in paths.split())
        return f"      {key}:\n{found}" if found else ""

    # Scripts are not needed for a drawing.
    head = f"  - {cluster}:\n      name: {name}\n      image: i\n      script: gone.sh\n"
    return head + entries("input", reads) + entries("output", writes)


def write(file: str, *services: str) -> Path:
    path = Path(file)
    path.write_text("functions:\n  oscar:\n" + "".join(services))
    return path


@pytest.fixture(autouse=True)
def _at_home(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(call.home)


@pytest.fixture
def workflow() -> Path:
    return write(
        "fdl.yaml",
        service("count", "count/in", "count/out"),
        service("split", "split/in", "count/in rank/in split/rest"),
        service("rank", "rank/in", "last/in/sub"),
        service("last", "last/in"),
        service("alone", "alone/in"),
        service("sink", "", ""),
        service("also", "also/in", "rank/in"),
    )


def test_the_tree(call: Caller, workflow: Path) -> None:
    outcome = call("graph", workflow)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [
        "split (from split/in; to split/rest)",
        "├── count (from count/in; to count/out)",
        "└── rank (from rank/in)",
        "    └── last (from last/in/sub)",
        "alone (from alone/in)",
        "sink",
        "also (from also/in)",
        "└── rank (see above)",
    ]


def test_the_tree_where_lines_cannot_be_drawn(run: Runner, workflow: Path) -> None:
    outcome = run("graph", workflow, env={"PYTHONIOENCODING": "ascii"})
    assert "|-- count" in outcome.out
    assert "`-- rank" in outcome.out


def test_the_tree_has_bold_names_on_a_terminal(run: Runner, workflow: Path) -> None:
    outcome = run.terminal("graph", str(workflow))
    assert "├── \x1b[1mcount\x1b[0m\x1b[2m (from count/in; to count/out)\x1b[0m" in outcome.out


def test_the_table(call: Caller, workflow: Path) -> None:
    outcome = call("graph", "-o", "table", workflow)
    assert outcome.out.splitlines()[:3] == [
        "FROM   TO     PATH         PARTLY",
        "split  count  count/in     no",
        "split  rank   rank/in      no",
    ]
    alone = call("graph", "-o", "table", write("one.yaml", service("alone")))
    assert alone.err == "no service feeds another one\n"


def test_the_document(call: Caller, workflow: Path) -> None:
    document = json.loads(call("graph", "-o", "json", workflow).out)
    assert document["services"][1] == {
        "id": "split",
        "service": "split",
        "cluster": "default-cluster",
        "input": ["split/in"],
        "output": ["count/in", "rank/in", "split/rest"],
    }
    assert document["edges"][0] == {"from": "split", "to": "count", "path": "count/in", "partly": False}
    assert document["cycles"] == []
    assert "cycles: []" in call("graph", "-o", "yaml", workflow).out


def test_mermaid(call: Caller) -> None:
    file = write("f.yaml", service("one", "one/in", "two/in"), service("two", "two/in/x"))
    assert call("graph", "-o", "mermaid", file).out.splitlines() == [
        "flowchart LR",
        '    s0["one"]',
        '    s1["two"]',
        '    s0 -.->|"two/in/x"| s1',
    ]
    odd = write("f.yaml", service("one", "one/in", "'two/in\"]'"), service("two", "'two/in\"]'"))
    assert '-->|"two/in#34;#93;"| s1' in call("graph", "-o", "mermaid", odd).out


def test_dot(call: Caller, workflow: Path) -> None:
    text = call("graph", "-o", "dot", workflow).out
    assert text.splitlines()[0] == "digraph workflow {"
    assert '    s1 -> s0 [label="count/in"];' in text.splitlines()
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tsvg"], input=text.encode(), check=True, capture_output=True, timeout=60)
    odd = write("f.yaml", service("one", "one/in", "'two/in\"\\'"), service("two", "'two/in\"\\'"))
    assert 'label="two/in\\"\\\\"' in call("graph", "-o", "dot", odd).out


def test_a_circle_is_drawn_and_named(call: Caller) -> None:
    file = write(
        "f.yaml",
        service("start", "start/in", "one/in"),
        service("one", "one/in", "two/in"),
        service("two", "two/in", "one/in"),
        service("self", "self/in", "self/in/again"),
    )
    outcome = call("graph", file)
    assert outcome.code == 0
    assert outcome.out.splitlines() == [
        "start (from start/in)",
        "└── one (from one/in)",
        "    └── two (from two/in)",
        "        └── one (see above)",
        "self (from self/in)",
        "└── self (see above)",
    ]
    assert outcome.err.splitlines() == [
        "warning: a circle, in which jobs start each other without end: one -> two -> one",
        "warning: a circle, in which jobs start each other without end: self -> self",
    ]
    assert json.loads(call("graph", "-o", "json", file).out)["cycles"] == [["one", "two"], ["self"]]


def test_a_circle_without_a_beginning_begins_with_its_first_service(call: Caller) -> None:
    file = write("f.yaml", service("bbb", "bbb/in", "aaa/in"), service("aaa", "aaa/in", "bbb/in"))
    assert call("graph", file).out.splitlines() == [
        "bbb (from bbb/in)",
        "└── aaa (from aaa/in)",
        "    └── bbb (see above)",
    ]


def test_several_files_make_one_workflow(call: Caller) -> None:
    one = write("one.yaml", service("one", "one/in", "two/in"))
    two = write("two.yaml", service("two", "two/in"))
    assert call("graph", one, two).out.splitlines()[1] == "└── two (from two/in)"
    assert len(call("graph", one, one).out.splitlines()) == 1


def test_clusters_keep_services_apart_unless_one_is_named(call: Caller) -> None:
    file = write("f.yaml", service("one", "", "two/in"), service("two", "two/in", cluster="other"))
    assert "└──" not in call("graph", file).out
    assert "└──" in call("graph", "-c", "other", file).out
    # The default cluster has a name of its own, if there is one.
    call.know("http://127.0.0.1:1", "other")
    assert "└──" in call("graph", file).out
    call.write_config("no: [configuration")
    assert "└──" not in call("graph", file).out


def test_one_name_in_two_clusters(call: Caller) -> None:
    file = write("f.yaml", service("one"), service("one", cluster="other"))
    assert call("graph", file).out == "one@default-cluster\none@other\n"
    twice = call("graph", "-c", "other", file)
    assert twice.out == "one\n"
    assert 'service "one" for cluster "other" is there more than once; the last one counts' in twice.err


def test_a_wrong_file_is_told_as_everywhere(call: Caller) -> None:
    file = write("f.yaml", service("Wrong"))
    outcome = call("graph", file)
    assert (outcome.code, outcome.out) == (3, "")
    assert "cannot be a name" in outcome.err
    assert call("graph", "gone.yaml").code == 3
    assert call("graph").code == 2
    assert call("graph", "-o", "svg", file).code == 2


def test_standard_input(call: Caller, workflow: Path) -> None:
    assert call("graph", "-", input=workflow.read_text()).out == call("graph", workflow).out


def test_a_chain_longer_than_calls_can_be_nested(call: Caller) -> None:
    file = write("f.yaml", *(service(f"svc{n}", f"svc{n}/in", f"svc{n + 1}/in") for n in range(1100)))
    outcome = call("graph", file)
    assert (outcome.code, len(outcome.out.splitlines())) == (0, 1100)
