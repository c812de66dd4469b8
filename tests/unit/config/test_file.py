"""The configuration file on disk: what is stored, what is kept, and what is never written over."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import yaml
from ruamel.yaml import YAML

from oscarcli.config.file import ConfigFile
from oscarcli.config.model import Cluster
from oscarcli.errors import ConfigError

CLUSTER = Cluster("new", "https://new.example", auth_user="ada", auth_password="0123")
ENTRY = """\
  new:
    endpoint: https://new.example
    auth_user: ada
    auth_password: "0123"
    ssl_verify: true
    memory: 256Mi
    log_level: INFO
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "config.yaml"


def write(path: Path, text: str) -> ConfigFile:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode())
    path.chmod(0o600)
    return ConfigFile(path)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_first_cluster_makes_file_and_folder_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "config.yaml"
    previous = os.umask(0)
    try:
        ConfigFile(path).put(CLUSTER)
    finally:
        os.umask(previous)
    assert path.read_text() == f"oscar:\n{ENTRY}default: new\n"
    assert [mode(path), mode(path.parent), mode(path.parent.parent)] == [0o600, 0o700, 0o700]


def test_the_entry_reads_as_the_reference_would_read_it(path: Path) -> None:
    ConfigFile(path).put(CLUSTER)
    for document in (yaml.safe_load(path.read_text()), YAML(typ="safe", pure=True).load(path.read_text())):
        assert document == {
            "oscar": {
                "new": {
                    "endpoint": "https://new.example",
                    "auth_user": "ada",
                    "auth_password": "0123",
                    "ssl_verify": True,
                    "memory": "256Mi",
                    "log_level": "INFO",
                }
            },
            "default": "new",
        }


def test_a_second_cluster_is_not_the_default(path: Path) -> None:
    file = write(path, "oscar:\n  old:\n    endpoint: x\n")
    file.put(CLUSTER)
    assert path.read_text() == f"oscar:\n  old:\n    endpoint: x\n{ENTRY}"
    assert file.read().default is None


@pytest.mark.parametrize("suffix", [".json", "", ".conf", ".YAML"])
def test_every_other_extension_than_the_two_of_yaml_is_json(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"config{suffix}"
    ConfigFile(path).put(CLUSTER)
    assert path.read_text().startswith(
        '{\n  "oscar": {\n    "new": {\n      "endpoint": "https://new.example",'
    )
    assert '"ssl_verify": true' in path.read_text()
    assert ConfigFile(path).read().clusters["new"] == CLUSTER


def test_yml_is_yaml(tmp_path: Path) -> None:
    ConfigFile(tmp_path / "c.yml").put(CLUSTER)
    assert (tmp_path / "c.yml").read_text().startswith("oscar:\n")


def test_replacing_an_entry_changes_its_login_and_keeps_what_is_not_ours(path: Path) -> None:
    file = write(
        path,
        "# top\noscar:\n  new: # mine\n    oidc_refresh_token: old\n    endpoint: old # was\n"
        "    memory: 1Gi\n    mine: [1, 2]\n    ssl_verify: false\n  z:\n    endpoint: z\ndefault: z\n",
    )
    file.put(CLUSTER)
    assert path.read_text() == (
        "# top\noscar:\n  new: # mine\n    endpoint: https://new.example # was\n"
        "    memory: 1Gi\n    mine: [1, 2]\n    ssl_verify: true\n"
        '    auth_user: ada\n    auth_password: "0123"\n    log_level: INFO\n'
        "  z:\n    endpoint: z\ndefault: z\n"
    )


def test_replacing_an_entry_that_others_share_leaves_the_others(path: Path) -> None:
    file = write(path, "oscar:\n  old: &o\n    endpoint: x\n    mine: kept\n  new: *o\n")
    file.put(CLUSTER)
    read = file.read()
    assert read.clusters["old"].endpoint == "x"
    assert read.clusters["new"] == CLUSTER
    assert yaml.safe_load(path.read_text())["oscar"]["new"]["mine"] == "kept"


def test_an_entry_that_may_not_be_replaced_is_left(path: Path) -> None:
    text = "oscar:\n  new:\n    endpoint: old\n"
    file = write(path, text)
    assert not file.put(CLUSTER, replace=False)
    assert path.read_text() == text
    assert file.put(Cluster("other", "x"), replace=False)


def test_removing_the_default_leaves_none(path: Path) -> None:
    file = write(path, "oscar:\n  a:\n    endpoint: x\n  b:\n    endpoint: y\ndefault: a\n")
    file.remove("a")
    assert path.read_text() == "oscar:\n  b:\n    endpoint: y\n"
    file.remove("b")
    assert path.read_text() == "oscar: {}\n"
    assert file.read().clusters == {}


def test_setting_the_default_needs_a_cluster_on_record(path: Path) -> None:
    file = write(path, "oscar:\n  a:\n    endpoint: x\n  '0123':\n    endpoint: y\n")
    file.set_default("0123")
    assert file.read().default == "0123"
    for change in (file.set_default, file.remove):
        with pytest.raises(ConfigError, match=r'"aa" doesn\'t exist') as caught:
            change("aa")
        assert "did you mean a?" in str(caught.value.hint)


def test_a_missing_file_reads_as_no_clusters_and_is_not_made(path: Path) -> None:
    assert ConfigFile(path).read().clusters == {}
    assert not path.parent.exists()


BROKEN = {
    "oscar: [\n": "config.yaml:2:1: not valid YAML",
    "oscar:\n  a: b: c\n": "config.yaml:2:7: not valid YAML",
    "just text\n": "the file: expected keys and values, found text",
    "- a\n": "the file: expected keys and values, found a list",
    "oscar: text\n": "oscar: expected keys and values, found text",
    "oscar:\n  a: text\n": "oscar.a: expected keys and values, found text",
    "oscar:\n  a:\n    endpoint: [x]\n": "oscar.a.endpoint: expected text",
    "oscar:\n  a:\n    ssl_verify: maybe\n": 'oscar.a.ssl_verify: expected true or false, found "maybe"',
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_file_that_cannot_be_understood_is_never_written_over(path: Path, text: str) -> None:
    file = write(path, text)
    for change in (
        file.read,
        lambda: file.put(CLUSTER),
        lambda: file.remove("a"),
        lambda: file.set_default("a"),
    ):
        with pytest.raises(ConfigError) as caught:
            change()
        assert BROKEN[text] in caught.value.message
    assert path.read_text() == text


def test_broken_json_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text('{"oscar": {\n  bad}}')
    for change in (ConfigFile(path).read, lambda: ConfigFile(path).put(CLUSTER)):
        with pytest.raises(ConfigError, match=r"c\.json:2:3: not valid JSON"):
            change()
    assert path.read_text() == '{"oscar": {\n  bad}}'


def test_bytes_that_are_no_text_are_named_by_place_and_kept(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"oscar:\n  a: \xff\n")
    for change in (ConfigFile(path).read, lambda: ConfigFile(path).put(CLUSTER)):
        with pytest.raises(ConfigError, match=r"config\.yaml:2:6: not UTF-8 text"):
            change()
    assert path.read_bytes() == b"oscar:\n  a: \xff\n"


def test_a_byte_order_mark_is_no_part_of_the_first_key(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"\xef\xbb\xbfoscar:\n  a:\n    endpoint: x\n")
    assert list(ConfigFile(path).read().clusters) == ["a"]


def test_a_folder_in_the_files_place_is_an_error_both_ways(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"cannot read the configuration .*: Is a directory"):
        ConfigFile(path).read()
    with pytest.raises(ConfigError, match="Is a directory"):
        ConfigFile(path).put(CLUSTER)


def test_a_file_in_the_folders_place_is_an_error(path: Path) -> None:
    path.parent.write_text("not a folder")
    with pytest.raises(ConfigError, match="cannot"):
        ConfigFile(path).put(CLUSTER)
    assert path.parent.read_text() == "not a folder"


def test_a_symbolic_link_stays_and_its_target_changes(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "real.yaml"
    write(target, "# kept\n")
    path.parent.mkdir()
    path.symlink_to(target)
    ConfigFile(path).put(CLUSTER)
    assert path.is_symlink()
    assert target.read_text() == f"# kept\noscar:\n{ENTRY}default: new\n"
    loop = tmp_path / "loop.yaml"
    loop.symlink_to(loop)
    for change in (ConfigFile(loop).read, lambda: ConfigFile(loop).put(CLUSTER)):
        with pytest.raises(ConfigError):
            change()


def test_a_file_that_others_can_read_is_taken_from_them_with_a_word(path: Path) -> None:
    file = write(path, "oscar: {}\n")
    path.chmod(0o644)
    assert [str(path) in warning and "0600" in warning for warning in file.read().warnings] == [True]
    assert mode(path) == 0o600
    assert file.read().warnings == ()
    path.chmod(0o666)
    file.put(CLUSTER)
    assert mode(path) == 0o600


def test_a_write_leaves_no_temporary_file_and_clears_those_of_killed_processes(path: Path) -> None:
    file = write(path, "oscar: {}\n")
    stale = path.parent / ".config.yaml-abc123.part"
    stale.write_text("half")
    other = path.parent / ".other.yaml-abc123.part"
    other.write_text("not ours")
    file.put(CLUSTER)
    assert sorted(entry.name for entry in path.parent.iterdir()) == [
        ".config.yaml.lock",
        ".other.yaml-abc123.part",
        "config.yaml",
    ]


def test_a_write_that_fails_leaves_the_old_file_and_no_temporary_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(path, "oscar: {}\n")

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ConfigError, match=r"No space left on device; it is as it was"):
        file.put(CLUSTER)
    assert path.read_text() == "oscar: {}\n"
    assert not list(path.parent.glob(".*.part"))


def test_what_is_not_text_is_refused_before_anything_is_written(path: Path) -> None:
    file = write(path, "oscar: {}\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        file.put(Cluster("a", "x", auth_password="\udcff"))
    assert path.read_text() == "oscar: {}\n"
