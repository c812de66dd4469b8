"""`-o csv` and `-o name` on every table, and `--query` on every document."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.test_table_options import table_commands
from tests.conftest import Caller
from tests.contract.test_output import verbs_with_json
from tests.local.harness import open_cluster
from tests.support.server import Answer, ScriptedServer, document

SERVICES = [
    {"name": "text-stats", "image": 'a "new", one', "cpu": "0.5", "memory": "256Mi", "token": "t" * 64},
    {
        "name": "posenet",
        "image": "=HYPERLINK(x)",
        "cpu": "-1.5",
        "input": [{"path": "a/in"}, {"path": "b/in"}],
    },
    {"name": "größe", "image": "two\nlines", "cpu": "@x", "memory": "+1"},
]


@pytest.fixture
def known(call: Caller, server: ScriptedServer) -> Caller:
    """The program, which knows a cluster of three services."""
    call.know(server.url)
    server.always("GET", "/system/services", document(SERVICES))
    return call


# -- csv and name --------------------------------------------------------------------------------


def test_csv_can_be_read_back_and_is_no_formula(known: Caller) -> None:
    text = known("service", "list", "-o", "csv").out
    assert text.splitlines()[:2] == ["NAME,IMAGE,CPU,MEMORY", 'text-stats,"a ""new"", one",0.5,256Mi']
    assert list(csv.reader(io.StringIO(text), strict=True))[2:] == [
        # A spreadsheet would compute the first and the third; numbers stay numbers.
        ["posenet", "'=HYPERLINK(x)", "-1.5", ""],
        ["größe", "two\\nlines", "'@x", "+1"],
    ]
    assert known("service", "list", "-o", "csv", "--columns", "cpu,name").out.splitlines()[0] == "CPU,NAME"


def test_csv_of_nothing_is_its_header(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always("GET", "/system/services", document([]))
    assert call("service", "list", "-o", "csv").out == "NAME,IMAGE,CPU,MEMORY\n"


def test_names_are_whole_and_one_a_line(known: Caller) -> None:
    result = known("service", "list", "-o", "name")
    assert (result.out, result.err) == ("text-stats\nposenet\ngröße\n", "")
    assert known("-o", "name", "service", "list", "--no-headers").out == result.out


def test_every_table_has_its_rows_and_names() -> None:
    forms = verbs_with_json()
    tables = [path for path, has_options in table_commands() if has_options]
    assert len(tables) > 25
    assert not [path for path in tables if not {"csv", "name"} <= set(forms[path])]


def test_lists_that_stream_do_so_as_csv_and_names(call: Caller, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("a,1.txt", "=b.txt"):
        (source / name).write_text("12345")
    cluster = open_cluster(tmp_path / "data")
    try:
        cluster.become_known(call)
        call("bucket", "create", "shop")
        words = ("bucket", "sync", source, "shop:in")
        rows = ["ACTION,SIZE,REASON,NAME", "upload,5,new,'=b.txt", 'upload,5,new,"a,1.txt"']
        assert call(*words, "--dry-run", "-o", "csv").out.splitlines() == rows
        assert call(*words, "--dry-run", "-o", "name").out == "=b.txt\na,1.txt\n"
        assert call(*words, "--dry-run", "--query", "[].name").out == '[\n  "=b.txt",\n  "a,1.txt"\n]\n'
        header, *done = call(*words, "-o", "csv").out.splitlines()
        assert [header, *sorted(done)] == [f"{rows[0]},OUTCOME", f"{rows[2]},done", f"{rows[1]},done"]
        listed = ("bucket", "get", "shop", "-o")
        assert call(*listed, "name").out == "in/=b.txt\nin/a,1.txt\n"
        assert call(*listed, "csv", "--columns", "name").out == 'NAME\nin/=b.txt\n"in/a,1.txt"\n'
        # Times are those of the document.
        cluster.create("taker", "true", input=[{"storage_provider": "minio.default", "path": "shop/in"}])
        files = ("service", "list-files", "taker", "minio.default", "shop/in")
        _, *times = call(*files, "-o", "csv", "--columns", "last-modified").out.splitlines()
        assert times == json.loads(call(*files, "--query", "[].last_modified").out)
        assert len(times) == 2
    finally:
        cluster.close()


# -- query ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "chosen"),
    [
        ("[].name", ["text-stats", "posenet", "größe"]),
        ("[0].name", "text-stats"),
        ("[?cpu=='0.5'] | length(@)", 1),
        ("sort_by([], &name)[0].{n: name, paths: input[].path}", {"n": "größe", "paths": None}),
        ("[1].input[*].path", ["a/in", "b/in"]),
        ("[7]", None),
    ],
)
def test_an_expression_chooses_from_the_document(known: Caller, expression: str, chosen: object) -> None:
    result = known("service", "list", "--query", expression)
    assert (result.code, result.err, json.loads(result.out)) == (0, "", chosen)
    assert known("service", "list", "--query", expression, "-o", "json").out == result.out


def test_what_is_chosen_is_shown_as_json_or_yaml(known: Caller) -> None:
    assert known("service", "list", "--query", "[0].name").out == '"text-stats"\n'
    assert known("service", "list", "--query", "[:2].name", "-o", "yaml").out == "- text-stats\n- posenet\n"
    # A secret stays one.
    assert known("service", "list", "--query", "[0].token").out == '"***"\n'


@pytest.mark.parametrize(
    ("expression", "lines"),
    [
        ("[].", ["Error: --query: the expression ends too early at character 4", "  [].", "     ^"]),
        ("a b", ["Error: --query: unexpected token: b at character 3", "  a b", "    ^"]),
        ("a #", ["Error: --query: unknown token # at character 3", "  a #", "    ^"]),
        ("x[?y=z]", ["Error: --query: unknown token '=' at character 5", "  x[?y=z]", "      ^"]),
        ("", ["Error: --query: an expression is needed at character 1", "  ", "  ^"]),
        ("[].nme(@)", ["Error: --query: there is no function nme() at character 4", "  [].nme(@)", "     ^"]),
        ("length()", ["Error: --query: length() takes 1, not 0 at character 1", "  length()", "  ^"]),
        ("merge()", ["Error: --query: merge() takes at least 1, not 0 at character 1", "  merge()", "  ^"]),
    ],
)
def test_a_wrong_expression_is_told_with_its_place_before_anything_is_asked(
    call: Caller, expression: str, lines: list[str]
) -> None:
    call.know("http://127.0.0.1:9")
    result = call("service", "delete", "x", "--query", expression)
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[: len(lines)] == lines
    assert "jmespath.org" in result.err


def test_an_expression_that_does_not_fit_the_answer_is_told(known: Caller) -> None:
    result = known("service", "list", "--query", "[0].name | keys(@)")
    assert (result.code, result.out) == (2, "")
    assert "keys()" in json.loads(result.err)["error"]


@pytest.mark.parametrize("words", ["-o table", "-o csv", "-o name", "-q", "--columns name"])
def test_an_expression_goes_with_documents_only(call: Caller, words: str) -> None:
    call.know("http://127.0.0.1:9")
    result = call("service", "list", "--query", "[]", *words.split())
    assert (result.code, result.out) == (2, "")
    assert call("service", "job", "x", "-i", "y", "--query", "job", "-o", "table").code == 2


def test_what_was_done_can_be_asked_for_too(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("DELETE", "/system/services/a", Answer(204))
    assert call("service", "delete", "a", "--query", "deleted[0]").out == '"a"\n'
    assert call("validate", "--schema", "--query", "title || type").code == 0
