"""Definitions as the manager reads them, and quantities."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from oscarcli.local.answers import ApiError, go_json
from oscarcli.local.services import warnings
from oscarcli.local.services.decode import DecodeError, decode, parse_json
from oscarcli.local.services.definition import inputs_of, read_definition
from oscarcli.local.services.quantity import binary_size, parse_quantity
from oscarcli.local.services.schema import SERVICE


def definition(**members: Any) -> dict[str, Any]:
    body = {"name": "x", "image": "i", "script": "true", **members}
    return read_definition(json.dumps(body).encode())


def refusal(body: bytes) -> tuple[int, str]:
    with pytest.raises(ApiError) as caught:
        read_definition(body)
    return caught.value.status, caught.value.text.removeprefix("The service specification is not valid: ")


def test_keys_match_in_any_case_and_unknown_ones_are_dropped() -> None:
    found = definition(MEMORY="1Gi", Environment={"VARIABLES": {"Aa": "1"}}, unknown=1)
    assert found["memory"] == "1Gi"
    assert found["environment"]["variables"] == {"Aa": "1"}
    assert "unknown" not in found


def test_null_means_the_default() -> None:
    found = definition(memory=None, input=None, environment=None, log_level="nonsense")
    assert (found["memory"], found["cpu"], found["log_level"]) == ("256Mi", "0.2", "INFO")
    assert (found["input"], found["environment"]) == ([], {"variables": {}, "secrets": {}})


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "EOF"),
        (b"  \n", "EOF"),
        (b'{"name": "x"', "unexpected EOF"),
        (b'{"name": "x', "unexpected EOF"),
        (b"nonsense", "invalid character 'n' looking for beginning of value"),
        (b'{"name": NaN}', "invalid character 'N' looking for beginning of value"),
        (b"[]", "json: cannot unmarshal array into Go value of type types.Service"),
        (b'{"cpu": 1}', "json: cannot unmarshal number into Go struct field Service.cpu of type string"),
        (
            b'{"expose": {"api_port": 80}}',
            "json: cannot unmarshal number into Go struct field Expose.expose.api_port of type []int",
        ),
        (
            b'{"environment": {"variables": {"A": true}}}',
            "json: cannot unmarshal bool into Go struct field Environment.environment.variables "
            "of type string",
        ),
        (
            b'{"synchronous": {"max_scale": 1.5}}',
            "json: cannot unmarshal number 1.5 into Go struct field Synchronous.synchronous.max_scale "
            "of type int",
        ),
        (b"[" * 100_000, "exceeded max depth"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_in_the_decoders_words(body: bytes, text: str) -> None:
    assert refusal(body) == (400, text)


def test_missing_members_are_named_one_a_line() -> None:
    status, text = refusal(b'{"script": "x"} trailing text is ignored')
    assert status == 400
    assert text.splitlines() == [
        "Key: 'Service.Name' Error:Field validation for 'Name' failed on the 'required' tag",
        "Key: 'Service.Image' Error:Field validation for 'Image' failed on the 'required' tag",
    ]


def test_a_name_has_39_characters_at_most() -> None:
    body = {"name": "x" * 40, "image": "i", "script": "s"}
    assert "'Name' failed on the 'max' tag" in refusal(json.dumps(body).encode())[1]


@pytest.mark.parametrize(
    ("path", "provider", "normal"),
    [
        ("/bucket/in/", "minio", "bucket/in"),
        (" bucket/a/b ", "MinIO.default", "bucket/a/b"),
        ("folder", "minio", "x/folder"),
        ("folder/", "s3.mine", "x/folder"),
        ("/folder/", "webdav.dcache", "folder"),
    ],
)
def test_paths_are_normalised(path: str, provider: str, normal: str) -> None:
    found = definition(input=[{"path": path, "storage_provider": provider}])
    assert found["input"][0]["path"] == normal


def test_places_know_their_prefix() -> None:
    (place,) = inputs_of(definition(input=[{"path": "b/one/two", "storage_provider": "minio"}]))
    assert (place.provider, place.bucket, place.prefix) == (("minio", "default"), "b", "one/two/")


@pytest.mark.parametrize("direction", ["input", "output"])
def test_an_empty_path_is_refused(direction: str) -> None:
    body = {
        "name": "x",
        "image": "i",
        "script": "s",
        direction: [{"path": " / ", "storage_provider": "minio"}],
    }
    with pytest.raises(ApiError) as caught:
        read_definition(json.dumps(body).encode())
    assert (caught.value.status, caught.value.text) == (400, f"{direction} path cannot be empty")


def test_line_ends_labels_and_users_are_put_in_order() -> None:
    found = definition(
        script="a\r\nb\rc\n",
        labels={"z": "1", "queue": "mine"},
        allowed_users=[" a ", "", " "],
        visibility="odd",
    )
    assert found["script"] == "a\nb\nc\n"
    assert list(found["labels"].items()) == [
        ("applicationId", "x"),
        ("oscar.grycap/user-service", "true"),
        ("oscar_service", "x"),
        ("queue", "root.oscar-queue.x"),
        ("z", "1"),
    ]
    assert (found["allowed_users"], found["visibility"]) == (["a"], "odd")


def test_a_returned_service_can_be_sent_again_unchanged() -> None:
    found = definition(expose={"min_scale": 1}, mount={"path": "", "storage_provider": ""})
    again = read_definition(json.dumps({**found, "volume_status": {"enabled": False}}).encode())
    assert again == found
    assert decode(SERVICE, found) == found


def test_a_null_body_is_an_empty_document() -> None:
    assert parse_json(b"null") is None
    assert decode(SERVICE, None)["name"] == ""
    with pytest.raises(DecodeError):
        parse_json(b"")


def test_json_is_written_as_go_does() -> None:
    assert go_json({"a": ["<&>", "ü"]}) == '{"a":["\\u003c\\u0026\\u003e","ü"]}'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("256Mi", 256 << 20),
        ("1.5Gi", 3 << 29),
        ("0.2", Decimal("0.2")),
        ("200m", Decimal("0.2")),
        ("1e3", 1000),
        ("2E", 2 * 10**18),
        ("1k", 1000),
        (".5", Decimal("0.5")),
        ("5.", 5),
    ],
)
def test_quantities(text: str, value: Any) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize("text", ["", "Mi", "1 Gi", "1GiB", "x", "1e99999", "1" * 40, "--1", "1ki"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="regular expression"):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0"), (12, "12"), (1536, "1.5Ki"), (3 << 30, "3Gi"), (1023, "1023")]
)
def test_sizes(size: int, text: str) -> None:
    assert binary_size(size) == text


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("#!/bin/bash\nif [[ a ]]; then :; fi\n", ["[[ ]]"]),
        ("#!/usr/bin/env bash\nset -euo pipefail\nfiles=(a b)\n", ["set -o pipefail", "arrays"]),
        ("#!/bin/sh\n[[ a ]]\n", []),
        ("#!/bin/bash\n# [[ in a comment ]]\necho fine\n", []),
        ("#!/bin/sh\npython3 model.py && sh run.sh\n", ["model.py, run.sh"]),
        ("#!/bin/sh\npython3 /opt/model.py\n", []),
    ],
)
def test_what_surprises_elsewhere_is_warned_of(script: str, words: list[str]) -> None:
    (found,) = list(warnings.warnings(definition(script=script))) or [""]
    assert all(word in found for word in words)
    assert bool(found) == bool(words)


def test_an_output_above_the_input_is_warned_of() -> None:
    found = definition(
        input=[{"path": "b/out/in", "storage_provider": "minio"}],
        output=[{"path": "b/out", "storage_provider": "minio"}],
    )
    assert "starts the service again" in next(warnings.warnings(found))
