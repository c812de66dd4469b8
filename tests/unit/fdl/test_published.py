"""The forms in which FDLs are published: each is read, and what is sent is what its author meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from oscarcli.fdl.read import Fdl, read
from oscarcli.fdl.to_server import to_server

POSENET = """\
functions:
  oscar:
  - oscar-cluster:
      name: posenet
      memory: 1Gi
      cpu: '1.0'
      image: images.example.org/grycap/posenet
      script: script.sh
      log_level: CRITICAL
      input:
      - storage_provider: minio.default
        path: posenet/input
      output:
      - storage_provider: minio.default
        path: posenet/output
"""

COWSAY = """\
functions:
  oscar:
  - oscar-cluster:
      name: cowsay
      cpu: 1
      memory: 256Mi
      image: images.example.org/grycap/cowsay
      script: script.sh
      environment:
        Variables:
          INPUT_TYPE: json
"""

SIMPLE_TEST = (
    "functions:\n  oscar:\n  - oscar-cluster:\n      name: simple-test\n      image: ubuntu:22.04\t\n"
    "      cpu: '1.0'\t\t\n      memory: 256Mi \t\n\t\n      script: script.sh\t# the script\n"
    "      input:\t\n        - path: simple-test/in\t\n          storage_provider: minio.default\n"
    "      output:\n        - path: simple-test/out\n          storage_provider: minio\t\n"
)

FIRE_DETECTION = """\
functions:
  oscar:
    - oscar-cluster:
        name: fire-detection
        cpu: 0.5
        memory: 512Mi
        image: example/fire
        script: script.sh
        environment:
          variables:
            SEND_SNS: false
            THRESHOLD: 0.50
            CODE: 0123
            NOTHING:
            ANSWER: yes
            SIZE: 1e3
            DAY: 2024-01-02
            MAIL:
              - a@example.org
              - 'b@example.org'
            BOX: {top: 1, labels: [fire, "1"]}
        expose: {}
"""

NGINX = """\
functions:
  oscar:
  - oscar-cluster:
      name: nginx
      image: nginx
      script: script.sh
      expose:
        min_scale: 1
        max_scale: 2
        api_port: [80, 8080]
        nodePort: [0, 0]
        cpu_threshold: 50
        set_auth: yes
"""

KSERVE = """\
functions:
  oscar:
  - oscar-cluster:
      name: qwen
      image: example/none
      script: script.sh
      kserve:
        type: inference
        storage_uri: hf://example/model
        cpu: 4
        inference:
          model_format: huggingface
        args: --dtype=half
"""

FISH_DETECTOR = """\
functions:
  oscar:
  - oscar-cluster:
      name: fish-detector
      image: example/fish
      script: script.sh
      delegation: static
      replicas:
      - type: oscar
        cluster_id: oscar-replica
        service_name: fish-detector
        headers:
          Priority: 1
    oscar-replica:
      name: fish-detector
      image: example/fish
      script: script.sh
clusters:
  oscar-replica:
    endpoint: https://replica.example.org
    auth_user: oscar
    auth_password: 0012
    ssl_verify: true
storage_providers:
  s3:
    images: {access_key: AK, secret_key: 12345, region: eu-west-1}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "script.sh").write_bytes(b"#!/bin/sh\r\necho caf\xc3\xa9\n")
    return tmp_path


def read_text(folder: Path, text: str, name: str = "fdl.yaml") -> Fdl:
    (folder / name).write_bytes(text.encode())
    return read(str(folder / name))


def crlf_warning(line: int, folder: Path) -> str:
    """Return what is said of the fixture's script, which the FDL names on this line."""
    place = f"{folder / 'fdl.yaml'}:{line}: functions.oscar[0].oscar-cluster.script"
    return (
        f"{place}: the script has CRLF line ends; the cluster makes LF of them, "
        "other programs stumble over them"
    )


def only(fdl: Fdl) -> dict[str, Any]:
    [service] = fdl.services
    return service.definition


def test_posenet_becomes_exactly_this_document(folder: Path) -> None:
    fdl = read_text(folder, POSENET)
    assert fdl.warnings == (crlf_warning(8, folder),)
    assert only(fdl) == {
        "name": "posenet",
        "memory": "1Gi",
        "cpu": "1.0",
        "image": "images.example.org/grycap/posenet",
        "script": "#!/bin/sh\r\necho café\n",
        "log_level": "CRITICAL",
        "input": [{"storage_provider": "minio.default", "path": "posenet/input"}],
        "output": [{"storage_provider": "minio.default", "path": "posenet/output"}],
        "cluster_id": "oscar-cluster",
        "storage_providers": {"minio": {}},
    }
    assert (fdl.services[0].cluster_key, fdl.services[0].line) == ("oscar-cluster", 3)


def test_windows_line_ends_change_nothing(folder: Path) -> None:
    assert read_text(folder, POSENET.replace("\n", "\r\n")).services == read_text(folder, POSENET).services


def test_a_byte_order_mark_changes_nothing(folder: Path) -> None:
    assert read_text(folder, "\ufeff" + POSENET).services == read_text(folder, POSENET).services


def test_json_says_the_same_as_yaml(folder: Path) -> None:
    service = {
        "name": "posenet",
        "memory": "1Gi",
        "cpu": 1.0,
        "image": "images.example.org/grycap/posenet",
        "script": "script.sh",
        "log_level": "CRITICAL",
        "input": [{"storage_provider": "minio.default", "path": "posenet/input"}],
        "output": [{"storage_provider": "minio.default", "path": "posenet/output"}],
    }
    text = json.dumps({"functions": {"oscar": [{"oscar-cluster": service}]}}, indent="\t")
    assert only(read_text(folder, text, "fdl.json")) == only(read_text(folder, POSENET))


def test_cowsay_s_variables_are_not_lost_for_their_capital(folder: Path) -> None:
    definition = only(read_text(folder, COWSAY))
    assert definition["environment"] == {"variables": {"INPUT_TYPE": "json"}}
    assert definition["cpu"] == "1"


def test_tabs_behind_values(folder: Path) -> None:
    fdl = read_text(folder, SIMPLE_TEST)
    definition = only(fdl)
    assert (definition["image"], definition["cpu"], definition["memory"]) == ("ubuntu:22.04", "1.0", "256Mi")
    assert definition["input"] == [{"path": "simple-test/in", "storage_provider": "minio.default"}]
    assert definition["output"] == [{"path": "simple-test/out", "storage_provider": "minio"}]
    assert fdl.warnings == (crlf_warning(9, folder),)


def test_variables_are_text_as_written_and_structures_are_json(folder: Path) -> None:
    fdl = read_text(folder, FIRE_DETECTION)
    assert only(fdl)["environment"]["variables"] == {
        "SEND_SNS": "false",
        "THRESHOLD": "0.50",
        "CODE": "0123",
        "NOTHING": "",
        "ANSWER": "yes",
        "SIZE": "1e3",
        "DAY": "2024-01-02",
        "MAIL": '["a@example.org", "b@example.org"]',
        "BOX": '{"top": 1, "labels": ["fire", "1"]}',
    }
    place = "functions.oscar[0].oscar-cluster.environment.variables"
    label = folder / "fdl.yaml"
    assert fdl.warnings == (
        crlf_warning(8, folder),
        f"{label}:19: {place}.MAIL: a list; sent as text, in JSON",
        f"{label}:21: {place}.BOX: keys and values; sent as text, in JSON",
    )


@pytest.mark.parametrize(
    ("written", "ports"), [("80", [80]), ("'80'", [80]), ("[80, 8080]", [80, 8080]), ("\n        - 80", [80])]
)
def test_a_port_is_a_number_or_a_list(folder: Path, written: str, ports: list[int]) -> None:
    text = NGINX.replace("[80, 8080]", written).replace("        nodePort: [0, 0]\n", "")
    assert only(read_text(folder, text))["expose"]["api_port"] == ports


def test_exposed_service(folder: Path) -> None:
    assert only(read_text(folder, NGINX))["expose"] == {
        "min_scale": 1,
        "max_scale": 2,
        "api_port": [80, 8080],
        "nodePort": [0, 0],
        "cpu_threshold": 50,
        "set_auth": True,
    }


def test_a_model_server_needs_no_script(folder: Path) -> None:
    definition = only(read_text(folder, KSERVE))
    assert definition["kserve"] == {
        "type": "inference",
        "storage_uri": "hf://example/model",
        "cpu": "4",
        "inference": {"model_format": "huggingface"},
        "args": ["--dtype=half"],
    }


def test_several_services_in_one_element_keep_their_order(folder: Path) -> None:
    fdl = read_text(folder, FISH_DETECTOR)
    assert [(s.cluster_key, s.name, s.line) for s in fdl.services] == [
        ("oscar-cluster", "fish-detector", 3),
        ("oscar-replica", "fish-detector", 14),
    ]
    for service in fdl.services:
        assert service.definition["clusters"] == {
            "oscar-replica": {
                "endpoint": "https://replica.example.org",
                "auth_user": "oscar",
                "auth_password": "0012",
                "ssl_verify": True,
            }
        }
        assert service.definition["storage_providers"]["s3"]["images"]["secret_key"] == "12345"
    assert fdl.services[0].definition["replicas"][0]["headers"] == {"Priority": "1"}


def test_services_do_not_share_what_each_may_change(folder: Path) -> None:
    one, other = read_text(folder, FISH_DETECTOR).services
    one.definition["clusters"].clear()
    assert other.definition["clusters"]


def test_anchors_and_merge_keys(folder: Path) -> None:
    fdl = read_text(
        folder,
        """\
functions:
  oscar:
  - one: &base
      name: a
      image: i
      script: script.sh
      cpu: 0.10
  - two:
      <<: *base
      name: b
""",
    )
    assert [(s.name, s.definition["cpu"]) for s in fdl.services] == [("a", "0.10"), ("b", "0.10")]


def test_an_inline_script_is_content(folder: Path) -> None:
    text = POSENET.replace("script: script.sh", "script: |\n        #!/bin/sh\n        \techo 1\t\n")
    assert only(read_text(folder, text))["script"] == "#!/bin/sh\n\techo 1\t\n"


def test_scripts_are_found_beside_the_file_or_by_absolute_path(folder: Path) -> None:
    (folder / "sub").mkdir()
    for place in ("../script.sh", str(folder / "script.sh")):
        fdl = read_text(folder / "sub", POSENET.replace("script.sh", place))
        assert only(fdl)["script"].startswith("#!/bin/sh")


def test_one_value_will_do_where_a_list_of_texts_is_wanted(folder: Path) -> None:
    text = POSENET + "        suffix: .png\n        prefix: [out, 1]\n"
    assert only(read_text(folder, text))["output"][0]["suffix"] == [".png"]
    assert only(read_text(folder, text))["output"][0]["prefix"] == ["out", "1"]


def test_an_empty_key_is_as_good_as_none(folder: Path) -> None:
    extra = "      environment:\n      annotations: ~\n      labels:\n      expose: null\n      mount:\n"
    assert only(read_text(folder, POSENET + extra)) == only(read_text(folder, POSENET))


@pytest.mark.parametrize(
    "text",
    [POSENET, COWSAY, SIMPLE_TEST, FIRE_DETECTION, NGINX, KSERVE, FISH_DETECTOR],
    ids=["posenet", "cowsay", "simple-test", "fire-detection", "nginx", "kserve", "fish-detector"],
)
def test_a_server_that_insists_on_types_takes_what_is_sent(folder: Path, text: str) -> None:
    """The local cluster's decoder knows the manager's types; a wrong one is refused with 400."""
    from oscarcli.local.services.decode import decode, parse_json
    from oscarcli.local.services.schema import SERVICE

    for service in read_text(folder, text).services:
        body = json.dumps(to_server(service.definition, None, "4.1.0")).encode()
        decoded = decode(SERVICE, parse_json(body))
        assert decoded["name"] == service.name
