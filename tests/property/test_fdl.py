"""The reader of FDL files and of what goes with them, given what nobody would write."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from oscarcli.errors import ExitCode, OscarError
from oscarcli.fdl.env_file import read_env_file
from oscarcli.fdl.read import read_bytes
from oscarcli.fdl.schema import SERVICE
from tests.property.properties import examples, odd_text, tried

ODD_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | odd_text(6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
ODD_SERVICE = st.dictionaries(
    st.sampled_from(sorted(SERVICE.fields)) | st.text(max_size=6), ODD_VALUE, max_size=6
)
ODD_FDL = st.fixed_dictionaries(
    {
        "functions": ODD_VALUE
        | st.fixed_dictionaries({"oscar": st.lists(st.dictionaries(st.text(max_size=5), ODD_SERVICE))})
    },
    optional={"storage_providers": ODD_VALUE, "clusters": ODD_VALUE, "x": ODD_VALUE},
)


def script(_named: str) -> bytes:
    return b"#!/bin/sh\n"


def read(data: bytes) -> None:
    for reader in (script, None):
        found = tried(lambda reader=reader: read_bytes(data, "f.yaml", reader))  # type: ignore[misc]
        assert not isinstance(found, OscarError) or found.exit_code == ExitCode.CONFIG


@given(text=odd_text(60))
@examples(300)
def test_no_text_is_a_surprise(text: str) -> None:
    read(text.encode())


@given(data=st.binary(max_size=60))
@examples(100)
def test_no_bytes_are_a_surprise(data: bytes) -> None:
    read(data)


@given(document=ODD_FDL, flow=st.booleans())
@examples(80)
def test_no_document_is_a_surprise(document: Any, flow: bool) -> None:
    try:
        text = yaml.safe_dump(document, default_flow_style=flow, allow_unicode=True)
    except (yaml.YAMLError, UnicodeError):
        return
    read(text.encode("utf-8", "replace"))


@given(data=st.binary(max_size=60) | odd_text(60).map(str.encode))
@examples(100)
def test_no_environment_file_is_a_surprise(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "env"
    path.write_bytes(data)
    found = tried(lambda: read_env_file(path))
    if isinstance(found, OscarError):
        assert found.exit_code == ExitCode.CONFIG
    else:
        assert all(key.strip() for key in found)
