"""The schema for editors says what the reader says: never more, and of single values never less."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from oscarcli.fdl.descriptions import SERVICE as DESCRIPTIONS
from oscarcli.fdl.findings import FdlError
from oscarcli.fdl.json_schema import json_schema
from oscarcli.fdl.kinds import Record, RecordMap, Records
from oscarcli.fdl.read import read_bytes
from oscarcli.fdl.schema import SERVICE
from tests.support.daily import number_of
from tests.unit.fdl import test_published as published

jsonschema = pytest.importorskip("jsonschema")

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*/fdl.yaml"))
PUBLISHED = ("POSENET", "COWSAY", "FIRE_DETECTION", "NGINX", "KSERVE", "FISH_DETECTOR")
LINE = "\n      "
TEXTS = {
    **{name.lower(): getattr(published, name) for name in PUBLISHED},
    # Editors do not take its TABs; everything else of it they do.
    "simple_test": published.SIMPLE_TEST.replace("\t", " "),
    **{path.parent.name: path.read_text() for path in EXAMPLES},
}


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def mistakes(text: str) -> list[str]:
    """Return what the reader says, but for what it says about several values together."""
    try:
        read_bytes(text.encode(), "f", lambda _: b"#!/bin/sh\n")
    except FdlError as error:
        return list(error.details)
    return []


@pytest.mark.parametrize("name", TEXTS)
def test_published_forms_and_examples_fit(validator: Any, name: str) -> None:
    assert mistakes(TEXTS[name]) == []
    assert list(validator.iter_errors(yaml.safe_load(TEXTS[name]))) == []


@pytest.mark.parametrize(
    "line",
    [
        "memory: 256Mb",
        "cpu: half",
        "cpu: -1",
        "memory: [1]",
        "memory: true",
        "enable_gpu: maybe",
        "enable_gpu: 1",
        "enable_gpu: {}",
        "synchronous: {min_scale: -1}",
        "synchronous: {min_scale: 1.5}",
        "synchronous: 3",
        "visibility: hidden",
        "visibility: 1",
        "input: {storage_provider: minio, path: bkt/in}",
        "input: [{path: bkt/in}]",
        "input: [{storage_provider: minio}]",
        "input: [{storage_provider: minio, path: }]",
        "input: [{storage_provider: minio, path: ''}]",
        "input: [bkt/in]",
        "output: text",
        "output: [{storage_provider: minio, path: bkt/out, suffix: {a: b}}]",
        "output: [{storage_provider: minio, path: bkt/out, suffix: [[a]]}]",
        "expose: {api_port: 65536}",
        "expose: {api_port: [80, x]}",
        "expose: {api_port: [80, null]}",
        "expose: {min_scale: one}",
        "expose: {auth_type: secret}",
        "expose: text",
        "environment: [A]",
        "environment: {variables: [A]}",
        "labels: text",
        "allowed_users: {a: b}",
        "mount: {storage_provider: minio}",
        "mount: {storage_provider: minio, path: abc/d, options: 'a;b'}",
        "volume: {size: 1Gi}",
        "volume: {size: big, mount_path: /a}",
        "volume: {size: 1Gi, mount_path: relative}",
        "volume: {size: 1Gi, mount_path: /a, lifecycle_policy: keep}",
        "volume: {name: No_Name, mount_path: /a}",
        "federation: {topology: ring}",
        "federation: {members: [{cluster_id: x}]}",
        "federation: {members: [{type: other}]}",
        "kserve: {type: inference}",
        "kserve: {type: other, storage_uri: x}",
        "synchronous: {min_scale: '2.5'}",
        "script: ''",
        "name: Upper",
        "name: a-name-that-has-more-characters-than-there-may-be",
        "name: ''",
        "name: [a]",
        "image: ",
    ],
)
def test_wrong_values_fit_neither(validator: Any, line: str) -> None:
    key = line.partition(":")[0]
    base = {"name": "abc", "image": "i", "script": "s"}
    lines = [f"{k}: {v}" for k, v in base.items() if k != key] + [line]
    text = f"functions:\n  oscar:\n  - here:{LINE}{LINE.join(lines)}\n"
    assert mistakes(text)
    assert list(validator.iter_errors(yaml.safe_load(text)))


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"functions": None},
        {"functions": {}},
        {"functions": {"oscar": {}}},
        {"functions": {"oscar": []}},
        {"functions": {"oscar": ["a"]}},
        {"functions": {"oscar": [{"here": None}]}},
        {"functions": {"oscar": [{"here": {"name": "abc", "image": "i"}}]}},
        {"functions": {"oscar": [{"here": {"image": "i", "script": "s"}}]}},
        {"functions": {"oscar": [{"here": {"name": "abc", "script": "s"}}]}},
        {
            "functions": {"oscar": [{"here": {"name": "abc", "image": "i", "script": "s"}}]},
            "clusters": {"a": 1},
        },
        {
            "functions": {"oscar": [{"here": {"name": "abc", "image": "i", "script": "s"}}]},
            "storage_providers": {"minio": {"a": {"verify": "perhaps"}}},
        },
    ],
)
def test_wrong_files_fit_neither(validator: Any, document: Any) -> None:
    assert mistakes(json.dumps(document))
    assert list(validator.iter_errors(document))


@pytest.mark.parametrize(
    "line",
    [
        "cpu: .5",
        "cpu: +1",
        "memory: 1e9",
        "memory: ''",
        "enable_gpu: YES",
        "enable_gpu: 'off'",
        "log_level: debug",
        "log_level: loud",
        "visibility: Public",
        "isolation_level: other",
        "expose: {api_port: '80', probe_mode: odd, nodePort: [0]}",
        "expose: {nodePort: [30500]}",
        "expose: {min_scale: 2.0, max_scale: '3.0', cpu_threshold: 80.}",
        "expose: ",
        "environment: {variables: {A: [1, {b: c}], B: }}",
        "image_pull_secrets: one",
        "clusters: anything at all",
        "token: [1]",
        "unknown: {a: [b]}",
        "volume: {name: '', size: 1Gi, mount_path: /a}",
        "replicas: [{type: ENDPOINT, url: u, headers: {a: 1}}]",
        "script: |\n        #!/bin/sh\n        echo",
    ],
)
def test_what_the_reader_takes_the_schema_takes(validator: Any, line: str) -> None:
    key = line.partition(":")[0]
    lines = [f"{k}: v" for k in ("name", "image", "script") if k != key] + [line]
    text = f"functions:\n  oscar:\n  - here:{LINE}{LINE.join(lines)}\n"
    assert mistakes(text) == []
    assert list(validator.iter_errors(yaml.safe_load(text))) == []


VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 3.5, 1e300, 65536, "", "x", "yes", "OFF", "1Gi", "0.5", "+7", "/a"),
    *([], ["a"], [1], [None], [{}], {}, {"a": 1}, {"a": None}, {"type": "oscar"}, "basic", "star", "v1"),
)


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(document, (dict, list)):
        for key in document if isinstance(document, dict) else range(len(document)):
            yield document, key
            yield from places(document[key])


@pytest.mark.parametrize("entry", [{"endpoint": ""}, {"endpoint": None}, {"auth_user": "ada"}, {}, None])
def test_a_cluster_without_an_address_fits_both(validator: Any, entry: Any) -> None:
    service = {"name": "abc", "image": "i", "script": "s"}
    document = {"functions": {"oscar": [{"here": service}]}, "clusters": {"a": entry}}
    assert mistakes(json.dumps(document)) == []
    assert list(validator.iter_errors(document)) == []


def test_a_model_server_without_a_script_fits_neither(validator: Any) -> None:
    kserve = {"type": "llm_inference", "storage_uri": "hf://x"}
    document = {"functions": {"oscar": [{"here": {"name": "abc", "image": "i", "kserve": kserve}}]}}
    assert [line.rpartition("script: ")[2] for line in mistakes(json.dumps(document))] == [
        "missing; it is the path of the script to run"
    ]
    assert [error.message for error in validator.iter_errors(document)] == ["'script' is a required property"]


def test_whatever_is_changed_in_a_file_the_schema_is_never_stricter(validator: Any) -> None:
    rng = random.Random(11)
    known = [*SERVICE.fields]
    documents = [json.loads(json.dumps(yaml.safe_load(text), default=str)) for text in TEXTS.values()]
    taken = 0
    for _ in range(number_of(1500)):
        document = copy.deepcopy(rng.choice(documents))
        for _ in range(rng.randrange(1, 3)):
            holder, key = rng.choice(list(places(document)))
            if isinstance(holder, dict) and rng.random() < 0.3:
                key = rng.choice(known)
            holder[key] = rng.choice(VALUES)
        if not mistakes(json.dumps(document)):
            taken += 1
            assert list(validator.iter_errors(document)) == [], json.dumps(document)
    assert taken > number_of(300)


def test_keys_explain_themselves() -> None:
    def paths(record: Record, path: str) -> Iterator[str]:
        for name, field in record.fields.items():
            place = f"{path}.{name}".strip(".")
            yield place
            kind = field.kind.record if isinstance(field.kind, (Records, RecordMap)) else field.kind
            if isinstance(kind, Record):
                yield from paths(kind, place)

    known = list(paths(SERVICE, ""))
    assert [path for path in DESCRIPTIONS if path not in known] == []
    service = json_schema()["$defs"]["service"]["properties"]
    assert [name for name in SERVICE.fields if not service[name].get("description")] == []
    assert service["input"]["items"]["properties"]["path"]["description"].startswith("Bucket and folder")
    assert service["memory"]["default"] == "256Mi"
    assert service["replicas"]["deprecated"]
    assert service["token"]["description"].endswith("set by the server; not sent.")
