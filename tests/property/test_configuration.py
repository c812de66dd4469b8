"""The configuration's reader and editor, given what nobody would write."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from oscarcli.config.document import ConfigText, Edit, LayoutRefusedError, parse_document
from oscarcli.config.file import ConfigFile
from oscarcli.config.model import Cluster, Configuration
from oscarcli.errors import ConfigError, OscarError
from tests.property.properties import examples, odd_text, tried

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
IDENTIFIER = st.sampled_from(["a", "b", "c-1", "0123", "yes", "<<", "a: b", "é"]) | TEXT
KEY = st.sampled_from(["endpoint", "auth_user", "auth_password", "ssl_verify", "mine"])
# What YAML's safe dumper writes and a reader without kinds gives back as text.
VALUE = st.recursive(
    TEXT | st.booleans() | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
ENTRY = st.dictionaries(KEY, TEXT | st.booleans(), max_size=4)
DOCUMENT = st.fixed_dictionaries(
    {"oscar": st.dictionaries(IDENTIFIER, ENTRY, max_size=4)},
    optional={"default": TEXT, "mine": VALUE, "zz": VALUE},
)
EDIT = st.one_of(
    st.builds(lambda name, value: Edit(("oscar", name), value or None), IDENTIFIER, ENTRY),
    st.builds(lambda name, key, value: Edit(("oscar", name, key), value), IDENTIFIER, KEY, st.none() | TEXT),
    st.builds(lambda value: Edit(("default",), value), st.none() | TEXT),
)
STYLE = st.fixed_dictionaries(
    {
        "default_flow_style": st.sampled_from([None, True, False]),
        "default_style": st.sampled_from([None, "'", '"', "|"]),
        "indent": st.integers(2, 6),
        "width": st.sampled_from([20, 80, 1000]),
        "line_break": st.sampled_from(["\n", "\r\n"]),
        "explicit_start": st.booleans(),
        "allow_unicode": st.booleans(),
    }
)


def plain(text: str) -> Any:
    """Return a document with every scalar as its text, by a reader of its own."""
    return yaml.load(text, yaml.BaseLoader) or {}


def changed_by(document: Any, edit: Edit) -> Any:
    """Return what a document should be after an edit."""
    *outer, last = edit.keys
    place = document
    for key in outer:
        if not isinstance(place.get(key), dict):
            if edit.value is None:
                return document
            place[key] = {}
        place = place[key]
    if edit.value is None:
        place.pop(last, None)
    else:
        place[last] = as_text(edit.value)
    return document


def as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_text(item) for key, item in value.items()}
    return str(value).lower() if isinstance(value, bool) else value


@given(document=DOCUMENT, style=STYLE, edits=st.lists(EDIT, min_size=1, max_size=4))
@examples(150)
def test_an_edit_changes_what_it_says_and_nothing_else(
    document: Any, style: dict[str, Any], edits: list[Edit]
) -> None:
    text = yaml.safe_dump(document, **style)
    wanted = plain(text)
    for edit in edits:
        wanted = changed_by(wanted, edit)
    try:
        changed = ConfigText(text, "f", is_json=False).edited(edits)
    except LayoutRefusedError:
        changed = ConfigText(text, "f", is_json=False).rewritten(edits)
    assert plain(changed) == wanted


@given(document=DOCUMENT, edits=st.lists(EDIT, min_size=1, max_size=4))
@examples(100)
def test_an_edit_of_json_changes_what_it_says_and_nothing_else(document: Any, edits: list[Edit]) -> None:
    changed = ConfigText(json.dumps(document), "f", is_json=True).edited(edits)
    for edit in edits:
        *outer, last = edit.keys
        place = document
        for key in outer:
            place = place.setdefault(key, {}) if edit.value is not None else place.get(key, {})
        if edit.value is None:
            place.pop(last, None)
        else:
            place[last] = edit.value
    assert json.loads(changed) == document


@given(text=odd_text(), edits=st.lists(EDIT, min_size=1, max_size=3), is_json=st.booleans())
@examples(200)
def test_no_text_is_a_surprise(text: str, edits: list[Edit], is_json: bool) -> None:
    for work in _works(text, edits, is_json=is_json):
        found = tried(work)
        assert isinstance(found, ConfigError) or not isinstance(found, OscarError)


def _works(text: str, edits: list[Edit], *, is_json: bool) -> list[Callable[[], Any]]:
    return [
        lambda: parse_document(text, "f", is_json=is_json),
        lambda: ConfigText(text, "f", is_json=is_json).edited(edits),
        lambda: ConfigText(text, "f", is_json=False).rewritten(edits),
    ]


@pytest.mark.parametrize("suffix", ["yaml", "json"])
@given(data=st.binary(max_size=40) | odd_text().map(str.encode), name=IDENTIFIER, password=odd_text(8))
@examples(100)
def test_a_file_of_any_bytes_is_read_or_refused_and_what_is_put_in_comes_out(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, data: bytes, name: str, password: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "config"
    folder.mkdir(exist_ok=True)
    path = folder / f"config.{suffix}"
    path.write_bytes(data)
    file = ConfigFile(Path(path))
    cluster = Cluster(name, "http://x", auth_user="u", auth_password=password)
    first = tried(file.read)
    assert isinstance(first, (Configuration, ConfigError))
    found = tried(lambda: file.put(cluster))
    if isinstance(found, ConfigError):
        assert path.read_bytes() == data
    else:
        assert found is True
        assert file.read().clusters[name] == cluster
