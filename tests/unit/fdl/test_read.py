"""Mistakes and oddities of a file: all of them at once, each with file, line and key path, word for word."""

# ruff: noqa: E501 -- a sentence that is compared word for word stays on one line

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from oscarcli.errors import ConfigError
from oscarcli.fdl.findings import FdlError
from oscarcli.fdl.read import Fdl, read, read_bytes

PLACE = "functions.oscar[0].c"


def parsed(text: str, script: bytes = b"#!/bin/sh\n") -> Fdl:
    return read_bytes(text.encode(), "f.yaml", lambda _path: script)


def service(lines: str, *, first: str = "name: x\nimage: i\nscript: s") -> str:
    """Return an FDL with one service; its keys begin on line 4, `lines` on line 7."""
    body = "\n".join(f"      {line}" for line in f"{first}\n{lines}".splitlines())
    return f"functions:\n  oscar:\n  - c:\n{body}\n"


def mistakes(text: str) -> list[str]:
    with pytest.raises(FdlError) as caught:
        parsed(text)
    rest = list(caught.value.details)
    count = len(rest)
    assert caught.value.message == f'the FDL "f.yaml" has {count} mistake{"s" if count != 1 else ""}'
    return rest


def test_all_mistakes_are_named_at_once_in_file_order() -> None:
    text = """\
functions:
  oscar:
  - my-cluster:
      name: My_Service
      memory: 256Mb
      cpu: [1]
      input:
      - storage_provider: minio.default
      - path: a/b
        storage_provider: minoi.default
      output:
        path: a/b
      enable_gpu: perhaps
      expose:
        api_port: http
        min_scale: -1
        nodePort: [1, 2]
      synchronous: 3
      visibility: secret
      environment:
        secrets: [a]
  - other
"""
    base = "functions.oscar[0].my-cluster"
    assert mistakes(text) == [
        f"f.yaml:3: {base}.image: missing",
        f"f.yaml:3: {base}.script: missing; it is the path of the script to run",
        f'f.yaml:4: {base}.name: "My_Service" cannot be a name: it has lower-case letters, digits and "-", '
        "and starts with a letter",
        f'f.yaml:5: {base}.memory: "256Mb" is not a quantity, did you mean "256Mi"?',
        f"f.yaml:6: {base}.cpu: expected text, not a list",
        f"f.yaml:8: {base}.input[0].path: missing",
        f'f.yaml:10: {base}.input[1].storage_provider: "minoi" is no kind of storage; '
        "there are minio, s3, onedata, webdav, rucio",
        f'f.yaml:12: {base}.output: expected a list, each item with "-" before it, not keys and values',
        f'f.yaml:13: {base}.enable_gpu: expected true or false, not "perhaps"',
        f'f.yaml:15: {base}.expose.api_port: expected a whole number from 0 to 65535, not "http"',
        f'f.yaml:16: {base}.expose.min_scale: expected a whole number from 0 to 2147483647, not "-1"',
        f"f.yaml:18: {base}.synchronous: expected keys and values, not a single value",
        f'f.yaml:19: {base}.visibility: expected private or restricted or public, not "secret"',
        f"f.yaml:21: {base}.environment.secrets: expected keys and values, not a list",
        "f.yaml:22: functions.oscar[1]: expected a cluster's id and a service, not a single value",
    ]


def test_a_misspelt_key_explains_a_missing_one() -> None:
    with pytest.raises(FdlError) as caught:
        parsed(service("", first="nmae: x\nimage: i\nscript: s"))
    assert f"f.yaml:3: {PLACE}.name: missing" in caught.value.details
    assert caught.value.warnings == (f'f.yaml:4: {PLACE}.nmae: unknown key, did you mean "name"?',)


def test_unknown_keys_are_warned_of_and_sent() -> None:
    fdl = parsed(
        service("memroy: 1Gi\nfuture: {a: 1, b: [true, 1.5, ~, 'no', .inf]}\nexpose:\n  port: 80\n")
        + "storage_provider: {}\n"
    )
    assert fdl.warnings == (
        f'f.yaml:7: {PLACE}.memroy: unknown key, did you mean "memory"?',
        f"f.yaml:8: {PLACE}.future: unknown key",
        f'f.yaml:10: {PLACE}.expose.port: unknown key, did you mean "api_port"?',
        'f.yaml:11: storage_provider: unknown key, did you mean "storage_providers"?',
    )
    definition = fdl.services[0].definition
    assert definition["future"] == {"a": 1, "b": [True, 1.5, None, "no", ".inf"]}
    assert definition["expose"] == {"port": 80}
    assert definition["memroy"] == "1Gi"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("log_level: loud", 'log_level: expected NOTSET or DEBUG or INFO or WARNING or ERROR or CRITICAL, not "loud"; the server takes it as INFO'),
        ("isolation_level: all", 'isolation_level: expected SERVICE or USER, not "all"; the server takes it as SERVICE'),
        ("memory: 512", 'memory: "512" is 512 bytes, did you mean "512Mi"?'),
        ("memory: 512m", 'memory: "512m" is thousandths of a byte, did you mean "512Mi"?'),
        ("token: abc", "token: set by the server; not sent"),
        ("clusters: {}", "clusters: read at the top level of the file only; not sent"),
        ("delegation: random", "delegation: read by OSCAR up to 4.0; newer versions look for it inside federation"),
        ("expose: {nodePort: [30500]}", "expose.nodePort: servers ignore it without api_port"),
        ("expose: {nodePort: [30500, 30501], api_port: 0}", "expose.nodePort: servers ignore it without api_port"),
        ("expose: {api_port: 80, min_scale: 0}", "expose.min_scale: an exposed service needs at least 1"),
        ("output: [{storage_provider: s3.x, path: abc/d}]", "output[0].storage_provider: the file does not define storage_providers.s3.x"),
        ("input: [{storage_provider: onedata.x, path: abc/d}]", "input[0].storage_provider: current servers take input from minio, webdav, rucio only"),
        ("mount: {storage_provider: onedata.x, path: abc}", "mount.storage_provider: servers mount from minio, s3, webdav only"),
    ],
)  # fmt: skip
def test_oddities_are_warnings(lines: str, expected: str) -> None:
    assert f"f.yaml:7: {PLACE}.{expected}" in parsed(service(lines)).warnings


@pytest.mark.parametrize(
    ("lines", "region", "expected"),
    [
        ("output: [{storage_provider: minio.x, path: abc/d}]", "", "output[0].storage_provider: servers make the bucket with the region of storage_providers.minio.x, and it has none"),
        ("output: [{storage_provider: minio.x, path: abc/d}]", "us-east-1", ""),
        ("input: [{storage_provider: minio.x, path: abc/d}]", "", "input[0].storage_provider: servers take input of their own MinIO alone, which storage_providers.minio.x has to be"),
        ("mount: {storage_provider: minio.x, path: abc}", "", ""),
    ],
)  # fmt: skip
def test_other_minios_are_warned_of(lines: str, region: str, expected: str) -> None:
    defined = f"storage_providers: {{minio: {{x: {{endpoint: 'http://x', access_key: a, secret_key: b, region: '{region}'}}}}}}"
    warnings = parsed(f"{service(lines)}\n{defined}\n").warnings
    assert [one.partition(f"{PLACE}.")[2] for one in warnings] == ([expected] if expected else [])


def test_words_of_a_list_are_sent_as_the_server_spells_them() -> None:
    definition = parsed(service("log_level: debug\nisolation_level: user\nvisibility: Public")).services[0]
    assert definition.definition["log_level"] == "DEBUG"
    assert definition.definition["isolation_level"] == "USER"
    assert definition.definition["visibility"] == "public"


def test_what_the_server_sets_is_not_sent() -> None:
    lines = "token: abc\nbucket_list: [a]\nvolume_status: {enabled: false}\ndeployment: {state: ready}"
    definition = parsed(service(lines)).services[0].definition
    assert not {"token", "bucket_list", "volume_status", "deployment"} & definition.keys()


def test_an_output_inside_of_an_input_is_an_endless_loop() -> None:
    lines = (
        "input:\n- {storage_provider: minio, path: bucket/in/}\noutput:\n"
        "- {storage_provider: minio.default, path: /bucket/in/out}\n"
        "- {storage_provider: minio.default, path: bucket/input}"
    )
    assert parsed(service(lines)).warnings == (
        f"f.yaml:10: {PLACE}.output[0].path: inside of input[0]: every result starts another job, without end",
    )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("image: ''", ["7: {}.image: given twice, first on line 5"]),
        ("Image: j", ["7: {}.image: given twice, first on line 5"]),
        ("cpu: 1 core", ['7: {}.cpu: expected a quantity such as "0.5" or "500m"']),
        ("memory: 1 GB", ['7: {}.memory: "1 GB" is not a quantity, did you mean "1Gi"?']),
        ("memory: -1Gi", ['7: {}.memory: expected a quantity such as "256Mi" or "2Gi"']),
        ("enable_gpu: 1", ['7: {}.enable_gpu: expected true or false, not "1"']),
        ("synchronous: {min_scale: 1.5}", ['7: {}.synchronous.min_scale: expected a whole number from 0 to 2147483647, not "1.5"']),
        ("synchronous: {min_scale: " + "9" * 5000 + "}", ['7: {}.synchronous.min_scale: expected a whole number from 0 to 2147483647, not "' + "9" * 60 + '…"']),
        ("expose: {api_port: 65536}", ['7: {}.expose.api_port: expected a whole number from 0 to 65535, not "65536"']),
        ("expose: {nodePort: [1, 2], api_port: 80}", ["7: {}.expose.nodePort: has 2 where api_port has 1; give one for each, 0 for any"]),
        ("expose: {auth_type: none}", ['7: {}.expose.auth_type: expected basic or forward, not "none"']),
        ("input: [{storage_provider: minio, path: /}]", ["7: {}.input[0].path: empty; it is a bucket and a folder in it"]),
        ("input: [{storage_provider: minio, path: }]", ["7: {}.input[0].path: empty"]),
        ("input: [{storage_provider: minio, path: in}]", ['7: {}.input[0].path: "x" cannot be a bucket: it has 3 to 63 lower-case letters, digits, "." and "-"']),
        ("output: [{storage_provider: s3, path: My_B/x}]", ['7: {}.output[0].path: "My_B" cannot be a bucket: it has 3 to 63 lower-case letters, digits, "." and "-"']),
        ("mount: {storage_provider: minio, path: abc, options: $(x)}", ['7: {}.mount.options: only letters, digits, blanks and "-_.:=,/" are allowed']),
        ("volume: {size: 1Gi}", ["7: {}.volume.mount_path: missing"]),
        ("volume: {mount_path: data}", ["7: {}.volume: needs a size for a new volume, or the name of an old one", "7: {}.volume.mount_path: expected an absolute path"]),
        ("volume: {mount_path: /oscar/bin/x, name: V, lifecycle_policy: keep}", ["7: {}.volume.lifecycle_policy: expected delete or retain, not \"keep\"", "7: {}.volume.mount_path: OSCAR keeps its own files there", '7: {}.volume.name: expected lower-case letters, digits and "-"']),
        ("kserve: {type: inference, storage_uri: u, llm_inference: {}}", ["7: {}.kserve.inference: missing; type inference needs it", "7: {}.kserve.llm_inference: cannot stand beside type inference"]),
        ("synchronous: {min_scale: 2.01}", ['7: {}.synchronous.min_scale: expected a whole number from 0 to 2147483647, not "2.01"']),
        ("annotations: x", ["7: {}.annotations: expected keys and values, not a single value"]),
        ("script: ''", ["7: {}.script: given twice, first on line 6"]),
    ],
)  # fmt: skip
def test_mistakes_word_for_word(lines: str, expected: list[str]) -> None:
    found = mistakes(service(lines))
    assert found == ["f.yaml:" + line.format(PLACE) for line in expected]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("''", "empty"),
        ("~", "empty"),
        ("a" * 40, "has 40 characters; a name has at most 39"),
        ("under_score", "cannot be a name"),
        ("-x", "cannot be a name"),
        ("x-", "cannot be a name"),
        ("é", "cannot be a name"),
        ("[x]", "expected text, not a list"),
    ],
)
def test_impossible_names(name: str, words: str) -> None:
    [mistake] = mistakes(service("", first=f"name: {name}\nimage: i\nscript: s"))
    assert mistake.startswith(f"f.yaml:4: {PLACE}.name: ")
    assert words in mistake


def test_a_name_that_starts_with_a_digit_works_on_some_clusters() -> None:
    [warning] = parsed(service("", first="name: 3d\nimage: i\nscript: s")).warnings
    assert warning.startswith(f"f.yaml:4: {PLACE}.name: many clusters")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n", "1: expected keys and values, not a list"),
        ("name: x\n", "1: functions: missing; an FDL has its services there"),
        ("functions:\n", "1: functions: expected keys and values, not nothing"),
        ("functions: {}\n", "1: functions.oscar: missing; an FDL has its services there"),
        ("functions:\n  oscar:\n", '2: functions.oscar: expected a list, each item with "-" before it, not nothing'),
        ("functions:\n  oscar: []\n", "2: functions.oscar: the list of services is empty"),
        ("functions:\n  oscar:\n  - c:\n", "3: functions.oscar[0].c: expected keys and values, not nothing"),
    ],
)  # fmt: skip
def test_files_without_services(text: str, expected: str) -> None:
    assert mistakes(text) == [f"f.yaml:{expected}"]


def test_the_same_service_twice_for_one_cluster() -> None:
    one = "  - c: {name: x, image: i, script: s}\n"
    [mistake] = mistakes("functions:\n  oscar:\n" + one + one)
    assert (
        mistake
        == 'f.yaml:4: functions.oscar[1].c.name: "x" is in the file twice for this cluster, first on line 3'
    )


def test_a_file_of_nothing_but_mistakes_stays_readable() -> None:
    with pytest.raises(FdlError) as caught:
        parsed("functions:\n  oscar:\n" + "  - x\n" * 300)
    assert caught.value.message == 'the FDL "f.yaml" has 300 mistakes'
    assert (len(caught.value.details), caught.value.details[-1]) == (51, "and 250 more")


def test_secrets_are_never_quoted() -> None:
    secret = "hunter2hunter2"
    text = service(
        f"environment:\n  secrets:\n    A: [{secret}]\n    B: {{x: {secret}}}\n  variables: {secret}"
    )
    with pytest.raises(FdlError) as caught:
        parsed(text + f"clusters:\n  a: {secret}\n  b: {{auth_password: [{secret}]}}\n")
    assert secret not in "".join(caught.value.details + caught.value.warnings)


# -- scripts ---------------------------------------------------------------------------------------


def test_a_script_that_is_not_utf_8_is_sent_with_a_warning() -> None:
    fdl = parsed(service(""), script=b"echo \xff\n")
    assert fdl.services[0].definition["script"] == "echo \ufffd\n"
    assert fdl.warnings == (
        f"f.yaml:6: {PLACE}.script: the script is not UTF-8 text; wrong bytes are sent as U+FFFD",
    )


def test_a_replacement_character_of_the_author_s_is_no_oddity() -> None:
    assert parsed(service(""), script="echo \ufffd\n".encode()).warnings == ()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("missing.sh", 'cannot read the script "missing.sh": No such file or directory'),
        (".", 'cannot read the script ".": Is a directory'),
        ("large.sh", "the script is larger than 1 MiB, more than a cluster stores"),
        ("empty.sh", "the script is empty"),
        ('"a\\0b"', "embedded null byte"),
        ("''", "empty"),
    ],
)
def test_scripts_that_cannot_be_sent(tmp_path: Path, script: str, words: str) -> None:
    (tmp_path / "large.sh").write_bytes(b"#" * ((1 << 20) + 1))
    (tmp_path / "empty.sh").touch()
    file = tmp_path / "f.yaml"
    file.write_text(service("", first=f"name: x\nimage: i\nscript: {script}"))
    with pytest.raises(FdlError) as caught:
        read(str(file))
    [mistake] = caught.value.details
    assert mistake.startswith(f"{file}:6: {PLACE}.script: ")
    assert words in mistake


@pytest.mark.parametrize(
    ("written", "whole"), [("2", 2), ("2.0", 2), ("2.", 2), ("0.0", 0), ("+3.00", 3), ("'4.0'", 4)]
)
def test_a_number_may_have_a_fraction_that_is_none(written: str, whole: int) -> None:
    fdl = parsed(service(f"expose: {{api_port: [80.0], min_scale: {written}}}"))
    expose = fdl.services[0].definition["expose"]
    assert (expose["min_scale"], expose["api_port"]) == (whole, [80])
    assert type(expose["min_scale"]) is int


@pytest.mark.parametrize(
    ("clusters", "how"),
    [
        ("{a: {endpoint: ''}}", "empty"),
        ("{a: {endpoint: }}", "empty"),
        ("{a: {auth_user: ada}}", "missing"),
    ],
)
def test_a_cluster_without_an_address_is_odd_and_no_mistake(clusters: str, how: str) -> None:
    fdl = parsed(f"{service('')}\nclusters: {clusters}\n")
    assert fdl.warnings == (
        f"f.yaml:8: clusters.a.endpoint: {how}; no service can be handed on to this cluster",
    )
    assert "endpoint" not in fdl.services[0].definition["clusters"]["a"]


MISPLACED = "the cluster's id is missing; it is a key above the service, whose keys are indented below it"


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("name: x\n    image: i\n    script: s", MISPLACED),
        ("name: x\n    memroy: 1Gi\n    input:\n    - {path: a/b}\n    expose: {api_port: 80}", MISPLACED),
        ("Image: i", MISPLACED),
        (
            "here:\n    name: x\n    image: i",
            'the service stands beside its cluster\'s id "here"; indent its keys below that',
        ),
    ],
)
def test_a_service_without_the_id_of_its_cluster_is_one_mistake(item: str, text: str) -> None:
    whole = f"functions:\n  oscar:\n  - {item}\n"
    for reader in (lambda _path: b"#", None):
        with pytest.raises(FdlError) as caught:
            read_bytes(whole.encode(), "f.yaml", reader)
        assert caught.value.details == (f"f.yaml:3: functions.oscar[0]: {text}",)


def test_a_cluster_may_be_called_like_a_key_of_a_service() -> None:
    fdl = parsed("functions:\n  oscar:\n  - name: {name: x, image: i, script: s}\n")
    assert [(s.cluster_key, s.name) for s in fdl.services] == [("name", "x")]


def test_an_absolute_script_that_is_not_there_is_looked_for_beside_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "fdl"
    (folder / "sub").mkdir(parents=True)
    file = folder / "f.yaml"
    there = tmp_path / "there.sh"
    there.write_text("the absolute one")
    for path in (folder / "x.sh", folder / "sub" / "y.sh", folder / "there.sh"):
        path.write_text(f"beside: {path.name}")
    for named, text in (
        ("/x.sh", "beside: x.sh"),
        ("/sub/y.sh", "beside: y.sh"),
        (str(there), "the absolute one"),
    ):
        file.write_text(service("", first=f"name: x\nimage: i\nscript: {named}"))
        assert read(str(file)).services[0].definition["script"] == text
    file.write_text(service("", first="name: x\nimage: i\nscript: /no-such-script.sh"))
    with pytest.raises(FdlError) as caught:
        read(str(file))
    assert caught.value.details == (
        f'{file}:6: {PLACE}.script: cannot read the script "/no-such-script.sh": No such file or directory',
    )


def test_names_only_needs_nothing_but_names(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(service("memory: 1 GB\nfoo: 1\nexpose: 3", first="NAME: X_y\nscript: gone.sh"))
    fdl = read(str(file), names_only=True)
    assert [(s.cluster_key, s.definition) for s in fdl.services] == [("c", {"name": "X_y"})]
    assert fdl.warnings == ()


def test_names_only_needs_names(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(service("", first="image: i"))
    with pytest.raises(FdlError) as caught:
        read(str(file), names_only=True)
    assert caught.value.details == (f"{file}:3: {PLACE}.name: missing",)


# -- files -----------------------------------------------------------------------------------------


def test_standard_input_has_its_scripts_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s").write_text("echo 1\n")
    fdl = read("-", standard_input=io.BytesIO(service("memroy: 1").encode()))
    assert fdl.services[0].definition["script"] == "echo 1\n"
    assert fdl.warnings[0].startswith("<stdin>:7: ")


@pytest.mark.parametrize(
    ("name", "words"),
    [("nothing.yaml", "No such file or directory"), (".", "it is a folder"), ("a\0b", "null byte")],
)
def test_files_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=words):
        read(name)


def test_a_pipe_is_a_file_too() -> None:
    reader, writer = os.pipe()
    os.write(writer, service("", first="name: x").encode())
    os.close(writer)
    try:
        assert read(f"/dev/fd/{reader}", names_only=True).services[0].name == "x"
    finally:
        os.close(reader)
