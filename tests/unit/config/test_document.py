"""The configuration's text: what is read from it, and that a change touches nothing else."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from ruamel.yaml import YAML

from oscarcli.config.document import ConfigText, Edit, parse_document
from oscarcli.config.json_text import loses_by_rewriting
from oscarcli.config.limits import MAX_LEVELS, MAX_VALUES
from oscarcli.config.yaml_nodes import compose
from oscarcli.errors import ConfigError

ODD_SCALARS = [
    "0123",
    "1e3",
    "0x1F",
    "1_000",
    "12:30:45",
    "2026-06-12",
    "yes",
    "No",
    "on",
    "y",
    "~",
    "null",
    "true",
    ".inf",
    "-.inf",
    ".nan",
    "<<",
    "=",
    "",
    " leading blank",
    "trailing blank ",
    "it's",
    'say "hi"',
    "back\\slash",
    "# no comment",
    "a # b",
    "key: value",
    "a:",
    "- item",
    "[x]",
    "{x}",
    "*alias",
    "&anchor",
    "!tag",
    "|",
    ">",
    "%",
    "@at",
    "`tick",
    "two\nlines",
    "carriage\rreturn",
    "tab\there",
    "bell\x07",
    "next line\x85here",
    "separator\u2028here",
    "ünïcödé",
    "😀",
    "\ufeffmark",
    "\u202eright to left",
    "nbsp\xa0here",
    "https://host:8443/path?x=1&y=2#part",
    "256Mi",
    "-",
    "---",
    "...",
    "?",
    "? x",
    "a, b",
    "C:\\temp",
]


def _put(text: str, value: Any, *keys: str) -> str:
    return ConfigText(text, "f", is_json=False).edited([Edit(keys, value)])


@pytest.mark.parametrize("value", ODD_SCALARS)
def test_any_text_that_is_written_reads_back_as_the_same_text(value: str) -> None:
    text = ConfigText("", "f", is_json=False).edited([Edit(("oscar", value or "x", "auth_password"), value)])
    wanted = {"oscar": {value or "x": {"auth_password": value}}}
    assert parse_document(text, "f", is_json=False) == wanted
    assert yaml.safe_load(text) == wanted, "a reader of YAML 1.1"
    assert YAML(typ="safe", pure=True).load(text) == wanted, "a reader of YAML 1.2"


@pytest.mark.parametrize("value", ODD_SCALARS)
def test_any_text_can_replace_another_in_a_block_and_in_braces(value: str) -> None:
    for text in ("a:\n  b: old # why\n  c: d\n", "{a: {b: old, c: d}}\n", '{"a": {"b": "old", "c": "d"}}'):
        changed = _put(text, value, "a", "b")
        assert yaml.safe_load(changed) == {"a": {"b": value, "c": "d"}}
        assert ("# why" in changed) == ("# why" in text)


@pytest.mark.parametrize(
    ("spelling", "text"),
    [
        ("0123", "0123"),
        ("1e3", "1e3"),
        ("yes", "yes"),
        ("1.10", "1.10"),
        ("'0123'", "0123"),
        ('"a\\tb"', "a\tb"),
        ("'it''s'", "it's"),
        ("0x1F", "0x1F"),
        ("2026-06-12", "2026-06-12"),
        ("!!str 5", "5"),
        ("|-\n    two\n    lines", "two\nlines"),
        (">-\n    two\n    lines", "two lines"),
        ("plain over\n    two lines", "plain over two lines"),
        ("''", ""),
        ("'null'", "null"),
        ("'~'", "~"),
    ],
)
def test_scalars_are_read_as_the_text_that_was_written(spelling: str, text: str) -> None:
    assert parse_document(f"a:\n  b: {spelling}\n", "f", is_json=False) == {"a": {"b": text}}


@pytest.mark.parametrize("spelling", ["", "~", "null", "NULL", " # nothing"])
def test_an_unquoted_null_is_nothing(spelling: str) -> None:
    assert parse_document(f"a: {spelling}\n", "f", is_json=False) == {"a": None}


def test_both_yaml_parsers_agree() -> None:
    text = "oscar: ~\na: &x {b: '', \"q\": null}\nc: *x\nd: |\n  e\n"
    quick = parse_document(text, "f", is_json=False)
    # So many openings that the parser without a stack of its own is chosen.
    careful = parse_document(f"{text}# {'[' * 2000}\n", "f", is_json=False)
    assert (
        quick == careful == {"oscar": None, "a": {"b": "", "q": None}, "c": {"b": "", "q": None}, "d": "e\n"}
    )


def test_anchors_and_merge_keys_are_followed_and_own_keys_win() -> None:
    text = (
        "base: &base\n  endpoint: x\n  ssl_verify: false\nmore: &more {auth_user: m, endpoint: m}\n"
        "oscar:\n  a:\n    <<: *base\n    endpoint: own\n  b: *base\n  c:\n    <<: [*base, *more]\n"
    )
    oscar = parse_document(text, "f", is_json=False)["oscar"]
    assert oscar["a"] == {"endpoint": "own", "ssl_verify": "false"}
    assert oscar["b"] == {"endpoint": "x", "ssl_verify": "false"}
    assert oscar["c"] == {"endpoint": "x", "ssl_verify": "false", "auth_user": "m"}


def test_a_loop_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"f:2: .*contains itself"):
        parse_document("a: &a\n  b: *a\n", "f", is_json=False)


LAUGHS = "a0: &a0 {x: y}\n" + "".join(
    f"a{n}: &a{n} {{p: *a{n - 1}, q: *a{n - 1}, r: *a{n - 1}}}\n" for n in range(1, 60)
)
MANY = "a: {x: y}\n" * (MAX_VALUES // 3)
MERGES = "a: &a {" + ", ".join(f"k{n}: v" for n in range(1000)) + "}\nb: {<<: [" + "*a, " * 1000 + "*a]}\n"
TALL = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, MAX_LEVELS + 1))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LAUGHS, "f:11: .*too many values, counting each alias"),
        (MANY, "too many values"),
        (MERGES, "f:2: .*too many values"),
        (TALL, "f:98: .*nested more than 100 levels deep"),
        ("[" * 2000, "nested more than 100 levels deep|maximum nesting depth"),
    ],
    ids=["laughs", "many", "merges", "tall", "brackets"],
)
def test_what_would_cost_memory_is_refused_when_read_and_when_changed(text: str, words: str) -> None:
    for change in (
        lambda: parse_document(text, "f", is_json=False),
        lambda: ConfigText(text, "f", is_json=False).edited([Edit(("default",), "x")]),
        lambda: ConfigText(text, "f", is_json=False).rewritten([Edit(("default",), "x")]),
    ):
        with pytest.raises(ConfigError, match=words):
            change()


def test_a_thousand_clusters_with_long_tokens_are_no_monster() -> None:
    text = "oscar:\n" + "".join(
        f"  c-{n}:\n    endpoint: https://c-{n}.example.org\n    oidc_refresh_token: {'a-b_c.' * 150}\n"
        "    ssl_verify: true\n    memory: 256Mi\n    log_level: INFO\n"
        for n in range(1000)
    )
    assert len(parse_document(text, "f", is_json=False)["oscar"]) == 1000


@pytest.mark.parametrize("text", ["[" * 100_000, "a: " + "{a: " * 100_000, "? " * 5000])
def test_absurd_nesting_is_an_error_and_not_a_crash(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_document(text, "f", is_json=False)
    with pytest.raises(ConfigError):
        parse_document('{"a":' * 100_000, "f", is_json=True)


@pytest.mark.parametrize(
    ("text", "is_json", "place"),
    [
        ('oscar:\n  a:\n    auth_password: "hunter2secret\n', False, "f:"),
        ("oscar:\n  a: b: c\n", False, "f:2:7:"),
        ("oscar:\n\ta: b\n", False, "f:2:1:"),
        ("oscar:\n  a:\n    auth_password: *hunter2secret\n", False, "f:3:20:"),
        ("a: b\n---\nc: d\n", False, "f:2:1:"),
        ("? [a]\n: b\n", False, "f:1:3:"),
        ('{"oscar": {\n  "a": hunter2secret}}', True, "f:2:8:"),
        ('{"oscar": {}} x', True, "f:1:15:"),
    ],
)
def test_what_cannot_be_read_is_named_by_place_and_nothing_of_it_is_quoted(
    text: str, is_json: bool, place: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_document(text, "f", is_json=is_json)
    assert caught.value.message.startswith(place)
    assert "hunter2secret" not in caught.value.message
    assert "hunter2secret" not in str(caught.value.__cause__)
    assert "nothing was written" in str(caught.value.hint)


TWICE = "oscar:\n  a:\n    endpoint: one\n    # why\n    endpoint: two\n  b: {auth_user: u, auth_user: v}\n"


def test_of_a_key_that_stands_twice_the_last_one_counts_and_is_changed() -> None:
    assert parse_document(TWICE, "f", is_json=False)["oscar"] == {
        "a": {"endpoint": "two"},
        "b": {"auth_user": "v"},
    }
    assert _put(TWICE, "x", "oscar", "a", "endpoint") == TWICE.replace("two", "x")
    assert _put(TWICE, "x", "oscar", "b", "auth_user") == TWICE.replace("v}", "x}")
    assert _put(TWICE, "x", "default") == TWICE + "default: x\n"
    assert _put("default: a\noscar: {}\ndefault: b\n", "a", "default") == (
        "default: a\noscar: {}\ndefault: a\n"
    )
    tops = "oscar: {a: {endpoint: x}}\noscar: {b: {endpoint: y}}\n"
    assert _put(tops, {"endpoint": "z"}, "oscar", "c") == tops[:-2] + ", c: {endpoint: z}}\n"


def test_a_key_that_stands_twice_is_gone_when_it_is_removed() -> None:
    changed = ConfigText(TWICE, "f", is_json=False).edited([Edit(("oscar", "a", "endpoint"), None)])
    assert parse_document(changed, "f", is_json=False)["oscar"]["a"] == {}
    changed = ConfigText(TWICE, "f", is_json=False).edited([Edit(("oscar", "b", "auth_user"), None)])
    assert changed == TWICE.replace("{auth_user: u, auth_user: v}", "{}")
    changed = ConfigText("default: a\ndefault: b\nmine: 1\n", "f", is_json=False).edited(
        [Edit(("default",), None)]
    )
    assert changed == "mine: 1\n"


def test_keys_that_stand_twice_are_named_with_their_lines() -> None:
    assert [
        sentence.partition(";")[0] for sentence in ConfigText(TWICE, "f", is_json=False).repeated_keys()
    ] == [
        'f:5: the key "endpoint" stands here a second time',
        'f:6: the key "auth_user" stands here a second time',
    ]
    assert ConfigText("a: {x: 1}\nb: {x: 1}\n", "f", is_json=False).repeated_keys() == []


LAYOUTS = {
    "two blanks": "# top\noscar:\n  # about a\n  a:\n    endpoint: x   # why\n\n"
    "  # about b\n  b:\n    endpoint: y\n# near the end\ndefault: a # the one\n# end\n",
    "four blanks": "oscar:\n    a:\n        endpoint: x\n    b:\n        endpoint: y\n"
    "other:\n    - 1\n    - 2\n",
    "no final line end": "oscar:\n  a:\n    endpoint: x\n  b:\n    endpoint: y",
    "windows": "# top\r\noscar:\r\n  a:\r\n    endpoint: x # why\r\n  b:\r\n    endpoint: y\r\nmine: 1\r\n",
    "braces": "oscar: {a: {endpoint: x}, b: {endpoint: y}} # all\n",
    "braces over lines": "oscar: {\n  a: {endpoint: x}, # first\n  b: {endpoint: y} # second\n  }\n",
    "json": '{"oscar": {"a": {"endpoint": "x"}, "b": {"endpoint": "y"}}, "default": "a"}',
    "mixed": "oscar:\n  a: {endpoint: x}\n  b:\n    endpoint: y\n",
    "literal": "oscar:\n  a:\n    endpoint: |-\n      x\n\n  b:\n    endpoint: >\n      y\n\n# end\n",
    "marker": "---\noscar:\n  a: {endpoint: x}\n  b: {endpoint: y}\n",
    "oscar last": "default: a\noscar:\n  b:\n    endpoint: y\n  a:\n    endpoint: x\n",
    "quoted keys": '"oscar":\n  \'a\':\n    "endpoint": \'x\'\n  "b": {\'endpoint\': "y"}\n',
    "single quotes": "{'oscar': {'a': {'endpoint': 'x'}, 'b': {'endpoint': 'y'}}, 'default': 'a'}\n",
    "braces to the end": '{"oscar": {"a": {\n "endpoint": "x"}, "b": {\n "endpoint": "y"}}}\n',
    "commas in front": '{ "oscar": { "a": {"endpoint": "x"}\n , "b": {"endpoint": "y"}\n } }\n',
    "commas at the end": '{\n  "oscar": {\n    "a": {"endpoint": "x",},\n    "b": {"endpoint": "y"},\n  },\n'
    "}\n",
    "commas in comments": "oscar: {\n  a: {endpoint: x}, # one,\n  b: {endpoint: y} # two,\n  # three,\n}\n",
    "json of one line": '{"oscar":{"a":{"endpoint":"x"},"b":{"endpoint":"y"}}}',
    "anchors elsewhere": "x: &x 1\noscar:\n  a:\n    endpoint: x\n  b:\n    endpoint: y\ny: *x\n",
}
EDITS = [
    [Edit(("oscar", "new"), {"endpoint": "n", "ssl_verify": True, "auth_password": "0123"})],
    [Edit(("oscar", "a"), None)],
    [Edit(("oscar", "b"), None)],
    [Edit(("oscar", "a"), None), Edit(("oscar", "b"), None)],
    [Edit(("oscar", "a"), None), Edit(("oscar", "b"), None), Edit(("oscar", "c"), {"endpoint": "z"})],
    [Edit(("oscar", "a", "endpoint"), "changed: value")],
    [Edit(("oscar", "b", "endpoint"), "https://new")],
    [Edit(("oscar", "a", "auth_user"), "u"), Edit(("oscar", "b", "auth_user"), "v")],
    [Edit(("oscar", "a", "endpoint"), None)],
    [Edit(("default",), "b")],
    [Edit(("default",), None)],
    [Edit(("oscar", "a"), {"whole": "new"})],
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("edits", EDITS, ids=range(len(EDITS)))
def test_every_edit_of_every_layout_gives_exactly_the_wanted_document(layout: str, edits: list[Edit]) -> None:
    text = LAYOUTS[layout]
    changed = ConfigText(text, "f", is_json=False).edited(edits)
    wanted = yaml.safe_load(text)
    for edit in edits:
        place = wanted
        for key in edit.keys[:-1]:
            place = place[key]
        if edit.value is None:
            place.pop(edit.keys[-1], None)
        else:
            place[edit.keys[-1]] = edit.value
    assert yaml.safe_load(changed) == wanted
    if "\r\n" in text:
        assert "\n" not in changed.replace("\r\n", "")


JSON = {
    "mine": {"n": 1.5, "list": ["a", {"b": None}]},
    "oscar": {
        "a": {"endpoint": "https://x", "auth_user": "u", "ssl_verify": True},
        "b": {"endpoint": "https://y", "ssl_verify": False},
    },
    "default": "a",
}
JSON_EDITS: list[list[Edit]] = [
    *EDITS[:4],
    *EDITS[5:],
    [
        Edit(("oscar", "new"), {"endpoint": "https://n", "auth_password": "it's \u2028 é"}),
        Edit(("default",), "é"),
    ],
    [Edit(("oscar", "a", "ssl_verify"), False), Edit(("oscar", "b", "ssl_verify"), None)],
]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("indent", [None, 0, 1, 2, 4, "\t"])
@pytest.mark.parametrize("edits", JSON_EDITS, ids=range(len(JSON_EDITS)))
def test_json_in_a_file_that_is_called_yaml_stays_json_as_it_was_laid_out(
    edits: list[Edit], indent: Any, line_end: str
) -> None:
    def laid_out(document: Any) -> str:
        return json.dumps(document, indent=indent, ensure_ascii=False).replace("\n", line_end) + line_end

    document: Any = json.loads(json.dumps(JSON))
    changed = ConfigText(laid_out(document), "f", is_json=False).edited(edits)
    for edit in edits:
        place = document
        for key in edit.keys[:-1]:
            place = place[key]
        if edit.value is None:
            place.pop(edit.keys[-1])
        else:
            place[edit.keys[-1]] = edit.value
    assert changed.replace("\\u2028", "\u2028") == laid_out(document)


@pytest.mark.parametrize("text", ["{}\n", '{"oscar": {}}\n', '{\n  "oscar": {}\n}\n', '{"oscar": null}'])
def test_an_empty_json_takes_a_first_cluster_as_json(text: str) -> None:
    changed = _put(text, {"endpoint": "https://n", "ssl_verify": True}, "oscar", "a")
    assert json.loads(changed) == {"oscar": {"a": {"endpoint": "https://n", "ssl_verify": True}}}
    assert (changed.count("\n") > 4) == ("\n  " in text)


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("oscar:\n  a: {endpoint: 'x'}\n", "oscar:\n  a: {endpoint: 'x', auth_user: 'ad''a'}\n"),
        ('oscar:\n  a:\n    endpoint: "x"\n', 'oscar:\n  a:\n    endpoint: "x"\n    auth_user: "ad\'a"\n'),
        (
            '"oscar":\n  "a":\n    "endpoint": "x"\n',
            '"oscar":\n  "a":\n    "endpoint": "x"\n    "auth_user": "ad\'a"\n',
        ),
        ("oscar: {a: {endpoint: x}}\n", 'oscar: {a: {endpoint: x, auth_user: "ad\'a"}}\n'),
        # What has to be quoted says nothing of what need not be.
        (
            'oscar: {"0123": {}, a: {endpoint: x}}',
            'oscar: {"0123": {}, a: {endpoint: x, auth_user: "ad\'a"}}',
        ),
    ],
)
def test_what_is_new_is_quoted_as_its_neighbours_are(text: str, changed: str) -> None:
    assert _put(text, "ad'a", "oscar", "a", "auth_user") == changed


@pytest.mark.parametrize("former", ["x", "'x'", '"x"'])
def test_what_takes_the_place_of_a_text_is_quoted_as_that_was(former: str) -> None:
    assert _put(f"default: {former}\nmine: y\n", "z", "default") == (
        f"default: {former.replace('x', 'z')}\nmine: y\n"
    )


def test_comments_in_braces_stay_with_their_lines() -> None:
    text = LAYOUTS["commas in comments"]
    assert _put(text, {"endpoint": "z"}, "oscar", "c") == (
        "oscar: {\n  a: {endpoint: x}, # one,\n  b: {endpoint: y}, # two,\n  c: {endpoint: z}\n"
        "  # three,\n}\n"
    )
    assert ConfigText(text, "f", is_json=False).edited([Edit(("oscar", "b"), None)]) == (
        "oscar: {\n  a: {endpoint: x} # one,\n  # three,\n}\n"
    )
    ended = LAYOUTS["commas at the end"]
    assert ConfigText(ended, "f", is_json=False).edited([Edit(("oscar", "b"), None)]) == ended.replace(
        '    "b": {"endpoint": "y"},\n', ""
    )


def test_a_new_cluster_comes_behind_the_others_in_their_layout_and_all_else_stays() -> None:
    text = LAYOUTS["two blanks"]
    changed = _put(text, {"endpoint": "h", "ssl_verify": False}, "oscar", "new")
    added = "  new:\n    endpoint: h\n    ssl_verify: false\n"
    assert changed == text.replace("    endpoint: y\n", "    endpoint: y\n" + added)
    text = LAYOUTS["four blanks"]
    changed = _put(text, {"endpoint": "h"}, "oscar", "new")
    assert changed == text.replace("endpoint: y\n", "endpoint: y\n    new:\n        endpoint: h\n")


def test_a_removed_cluster_takes_no_comment_of_its_neighbours_along() -> None:
    text = LAYOUTS["two blanks"]
    assert ConfigText(text, "f", is_json=False).edited([Edit(("oscar", "a"), None)]) == text.replace(
        "  a:\n    endpoint: x   # why\n", ""
    )


def test_the_last_cluster_leaves_an_empty_mapping_and_not_a_null() -> None:
    text = "oscar: # mine\n  a: # x\n    endpoint: y\n  # below\ndefault: a # d\n"
    changed = ConfigText(text, "f", is_json=False).edited(
        [Edit(("oscar", "a"), None), Edit(("default",), None)]
    )
    assert changed == "oscar: {} # mine\n  # below\n"
    assert (
        _put(changed, {"endpoint": "z"}, "oscar", "b") == "oscar: # mine\n  b:\n    endpoint: z\n  # below\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "# only a comment",
        "---\n",
        "~\n",
        "null # nothing\n",
        "{}\n",
        "oscar:\n",
        "oscar: ~\n",
        "oscar: null # none\n",
        "oscar: {}\n",
        "oscar:   {}\ndefault: ''\n",
        "mine: 1\n",
        "oscar:\n  # none yet\nmine: 1\n",
    ],
)
def test_a_first_cluster_can_be_put_into_any_empty_file(text: str) -> None:
    changed = _put(text, {"endpoint": "n"}, "oscar", "a")
    assert yaml.safe_load(changed)["oscar"] == {"a": {"endpoint": "n"}}
    for comment in ("# only a comment", "# nothing", "# none", "# none yet", "mine: 1"):
        assert (comment in changed) == (comment in text)


def test_what_other_places_refer_to_is_not_changed_behind_their_back() -> None:
    text = "oscar:\n  a: &a\n    endpoint: x\n    mine: 1\n  b: *a\n"
    with pytest.raises(ConfigError, match="anchors"):
        _put(text, "y", "oscar", "b", "endpoint")
    with pytest.raises(ConfigError, match="anchors"):
        ConfigText(text, "f", is_json=False).edited([Edit(("oscar", "a"), None)])
    assert _put(text, {"endpoint": "h"}, "oscar", "b") == text.replace("*a", "{endpoint: h}")
    assert ConfigText(text, "f", is_json=False).edited([Edit(("oscar", "b"), None)]) == text.replace(
        "  b: *a\n", ""
    )
    with pytest.raises(ConfigError, match="anchors"):
        ConfigText("a: &p secret\nb: *p\n", "f", is_json=False).edited([Edit(("a",), "x")])


def test_json_keeps_order_and_unknown_keys() -> None:
    text = '{"z": [1, {"y": 2.5}], "oscar": {"b": {"endpoint": "x", "mine": true}}, "default": "b"}'
    edits = [Edit(("oscar", "a"), {"endpoint": "é", "ssl_verify": True}), Edit(("default",), None)]
    changed = ConfigText(text, "f", is_json=True).edited(edits)
    assert changed.startswith('{\n  "z": [')
    assert list(json.loads(changed)) == ["z", "oscar"]
    assert json.loads(changed)["oscar"] == {
        "b": {"endpoint": "x", "mine": True},
        "a": {"endpoint": "é", "ssl_verify": True},
    }
    assert changed.endswith("}\n")
    assert json.loads(ConfigText("", "f", is_json=True).edited(edits[:1])) == {
        "oscar": {"a": {"endpoint": "é", "ssl_verify": True}}
    }


def test_removing_what_is_not_there_changes_nothing() -> None:
    for keys in (("default",), ("oscar", "a"), ("oscar", "a", "b"), ("x", "y")):
        assert _put("oscar: {c: {d: e}}\n", None, *keys) == "oscar: {c: {d: e}}\n"
    assert _put("default: a\n", None, "default") == ""


def test_composing_an_empty_text_gives_nothing() -> None:
    assert compose("# x") is None


REFERRING = """\
# shared
base: &base
  ssl_verify: true
  mine: [1, "1", {two: 2.50}]
oscar:
  a: &a
    <<: *base   # from above
    endpoint: x
    auth_password: "0123"
  b: *a
  c:
    <<: [{endpoint: c}, *base]
    note: |
      two
      lines
default: a
"""


@pytest.mark.parametrize("keys", [("oscar", "b", "endpoint"), ("oscar", "a", "endpoint"), ("base", "mine")])
def test_what_refers_to_others_is_written_out_so_that_a_change_is_possible(keys: tuple[str, ...]) -> None:
    changed = ConfigText(REFERRING, "f", is_json=False).rewritten([Edit(keys, "new")])
    wanted = json.loads(json.dumps(yaml.safe_load(REFERRING)))
    place = wanted
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = "new"
    for read in (yaml.safe_load, YAML(typ="safe", pure=True).load):
        assert read(changed) == wanted
    assert '"0123"' in changed
    assert "note: |\n" in changed
    assert not re.search("[&*#]|<<", changed)
    # From then on it can be changed in place.
    again = ConfigText(changed, "f", is_json=False).edited([Edit(("default",), "b")])
    assert again == changed.replace("default: a", "default: b")


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "value",
    [
        "!!str 5",
        "!mine x",
        "'it''s'",
        '"\\u00e9 \\x1b"',
        "~",
        "",
        "0x1F",
        "é 中 🎉",
        "a\n\n    b",
        ">-\n    a\n    b",
    ],
)
def test_values_stay_what_they_are_when_a_layout_is_given_up(value: str, line_end: str) -> None:
    text = f"x: &x\n  k: {value}\noscar:\n  a: {{<<: *x, endpoint: e}}\n".replace("\n", line_end)
    changed = ConfigText(text, "f", is_json=False).rewritten([Edit(("oscar", "a", "endpoint"), "new")])
    before, after = dict_of(yaml.compose(text)), dict_of(yaml.compose(changed))
    kept = dict_of(before["x"])["k"]
    for found in (dict_of(after["x"])["k"], dict_of(dict_of(after["oscar"])["a"])["k"]):
        assert (found.tag, found.value) == (kept.tag, kept.value)
    assert line_end == "\n" or "\n" not in changed.replace("\r\n", "")


def dict_of(node: Any) -> dict[str, Any]:
    return {key.value: value for key, value in node.value}


@pytest.mark.parametrize(
    ("text", "is_lossy"),
    [
        ('{"a": 1, "b": [1.5, true, null, "x", -0.25]}', False),
        ("", False),
        ('{"a": "\\ud83c\\udf89", "b": "\\/"}', False),
        ('{"a": 1, "a": 1}', True),
        ('{"x": {"a": {}, "a": {}}}', True),
        ('{"a": 1.50}', True),
        ('{"a": 1e2}', True),
    ],
)
def test_json_tells_what_no_rewriting_keeps(text: str, is_lossy: bool) -> None:
    assert loses_by_rewriting(text) is is_lossy


@pytest.mark.parametrize("number", ["NaN", "1e999", "-Infinity"])
def test_json_that_other_readers_refuse_is_never_written(number: str) -> None:
    with pytest.raises(ConfigError, match="a number that JSON cannot write"):
        ConfigText(f'{{"a": {number}}}', "f", is_json=True).edited([Edit(("default",), "x")])


def test_json_keeps_escapes_of_what_is_no_character() -> None:
    changed = ConfigText('{"mine": "\\ud800"}', "f", is_json=True).edited([Edit(("default",), "é")])
    assert json.loads(changed) == {"mine": "\ud800", "default": "é"}
    changed.encode()


@pytest.mark.parametrize("indent", ["", "  "])
def test_a_key_behind_a_list_goes_where_its_mapping_ends(indent: str) -> None:
    text = f"oscar:\n  a:\n    mine:\n    {indent}- 1\n    {indent}- [2]\n  b: {{}}\n"
    changed = _put(text, "new", "oscar", "a", "auth_user")
    assert changed == text.replace("- [2]\n", "- [2]\n    auth_user: new\n")
