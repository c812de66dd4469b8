"""The configuration file is shared with the reference client: each reads what the other has written.

The other side is a Go program with the reference's typed fields and its YAML library; without Go, or without
a network the first time, a sample of what that writes has to do.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from oscarcli.config.file import ConfigFile
from oscarcli.config.model import Cluster
from tests.conftest import Caller

SOURCE = Path(__file__).parents[1] / "support" / "typed_reader"
# Texts that readers of YAML are apt to take for something else, or to spoil. The other side's library does
# not read back what it writes of a text that begins with a line end, so none does.
WORDS = """
0123 0x1F 1e3 1_000 12:30:45 2026-06-12 3. .5 +1 .inf yes No on y null ~ Null << = *a &a !a #a %a @a `a
[a {a a]
" ' it's \\ \\n é 中 🎉 ey.J-_a.b | > |- --- ... true False
"""
ODD_TEXTS = (
    *WORDS.split(),
    *("- a", "? a", ": a", "a: b", "a #b", " a", "a ", "a\tb", "a\nb", "a\n", "\r", "\x1b", "\x7f", "\x85"),
    *("\xa0", "\u2028", "\u202e", "\ufeff", "a" * 500),
)
# Written by the reference's library, to the byte: four blanks, ids in order, no comments.
SAMPLE = """\
oscar:
    "0123":
        endpoint: https://one.example.org
        auth_user: oscar
        auth_password: "0123"
        ssl_verify: true
        memory: 256Mi
        log_level: INFO
    my-cluster:
        endpoint: https://two.example.org/prefix/
        oidc_refresh_token: eyJhbGciOi.J-_x.y
        ssl_verify: false
        memory: ""
        log_level: ""
    with words:
        endpoint: http://localhost:8080
        oidc_account_name: '@egi'
        auth_user: "yes"
        auth_password: |-
            two
            lines
        ssl_verify: true
        memory: 256Mi
        log_level: INFO
default: my-cluster
"""


@pytest.fixture(scope="module")
def typed_reader(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], dict[str, Any]]:
    """Return what reads a file, writes it again in its own way, and returns what it has read."""
    if shutil.which("go") is None:
        pytest.skip("Go is not here")
    program = tmp_path_factory.mktemp("typed") / "reader"
    built = subprocess.run(
        ["go", "build", "-o", str(program), "."], cwd=SOURCE, capture_output=True, text=True, check=False
    )
    if built.returncode:
        pytest.skip(f"the reader cannot be built here: {built.stderr[-200:]}")

    def read(path: Path) -> dict[str, Any]:
        done = subprocess.run([str(program), str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return read


def known_keys(entry: dict[str, Any]) -> dict[str, Any]:
    return {"ssl_verify": False, "memory": "", "log_level": "", **entry}


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_what_this_program_writes_the_other_reads_and_the_other_way_round(
    typed_reader: Callable[[Path], dict[str, Any]], tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"config.{suffix}"
    file = ConfigFile(path)
    written = {
        f"c{number} {text[:20]}": Cluster(
            f"c{number} {text[:20]}",
            "http://x",
            auth_user="u",
            auth_password=text,
            ssl_verify=bool(number % 2),
        )
        for number, text in enumerate(ODD_TEXTS)
    }
    for cluster in written.values():
        file.put(cluster)
    found = typed_reader(path)
    assert {name: entry["auth_password"] for name, entry in found["oscar"].items()} == {
        name: cluster.auth_password for name, cluster in written.items()
    }
    assert all(found["oscar"][name]["ssl_verify"] is written[name].ssl_verify for name in written)
    # By now the other side has written it anew.
    assert file.read().clusters == written
    chosen = list(written)[-1]
    file.set_default(chosen)
    gone, *others = written
    file.remove(gone)
    assert set(file.read().clusters) == set(others)
    again = typed_reader(path)
    assert again["default"] == chosen
    assert again["oscar"] == {
        name: entry for name, entry in found["oscar"].items() if name in list(written)[1:]
    }


TWO = {
    "oscar": {
        "a": {"endpoint": "http://a", "auth_user": "u", "auth_password": "p", "ssl_verify": True},
        "b": {"endpoint": "http://b", "ssl_verify": True},
    },
    "default": "a",
}
IN_BRACES = {
    "indented": json.dumps(TWO, indent=2),
    "tabs": json.dumps(TWO, indent="\t"),
    "windows": json.dumps(TWO, indent=4).replace("\n", "\r\n"),
    "one line": json.dumps(TWO),
    "tight": json.dumps(TWO, separators=(",", ":")),
    "no quotes": yaml.safe_dump(TWO, default_flow_style=True, width=1000),
    "folded": yaml.safe_dump(TWO, default_flow_style=True, width=30),
    "single quotes": yaml.safe_dump(TWO, default_flow_style=None, default_style="'", width=40),
    "entries": yaml.safe_dump(TWO, default_flow_style=None),
    "comments": "oscar: {\n  a: {endpoint: http://a}, # one,\n  b: {endpoint: http://b, # two,\n"
    "  }, # three\n}\n",
    "empty": "{}",
}


@pytest.mark.parametrize("layout", IN_BRACES)
def test_what_is_changed_in_braces_the_other_still_reads(
    typed_reader: Callable[[Path], dict[str, Any]], tmp_path: Path, layout: str
) -> None:
    text, path = IN_BRACES[layout], tmp_path / "config.yaml"
    warnings: list[str] = []
    path.write_bytes(text.encode())
    path.chmod(0o600)
    file = ConfigFile(path, warn=warnings.append)
    file.put(Cluster("a", "http://a2:8080/p", auth_user="ad'a", auth_password="x: y"))
    written = {
        name: Cluster(name, "http://x", auth_user="u", auth_password=odd)
        for name, odd in ((f"c{number} {odd[:9]}", odd) for number, odd in enumerate(ODD_TEXTS[::4]))
    }
    for cluster in written.values():
        file.put(cluster)
    last = list(written)[-1]
    file.set_default(last)
    if "b" in file.read().clusters:
        file.remove("b")
    assert warnings == []
    if layout in ("indented", "tabs", "windows", "one line", "tight", "empty"):
        assert json.loads(path.read_bytes())["default"] == last
    found = typed_reader(path)
    assert found["default"] == last
    assert {name: entry["auth_password"] for name, entry in found["oscar"].items()} == {
        "a": "x: y",
        **{name: cluster.auth_password for name, cluster in written.items()},
    }
    assert found["oscar"]["a"]["auth_user"] == "ad'a"


def test_the_sample_is_what_the_other_side_writes(
    typed_reader: Callable[[Path], dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(SAMPLE)
    assert typed_reader(path) == yaml.safe_load(SAMPLE) | {
        "oscar": {name: known_keys(entry) for name, entry in yaml.safe_load(SAMPLE)["oscar"].items()}
    }
    assert sorted(path.read_text().splitlines()) == sorted(SAMPLE.splitlines())


def test_a_file_of_the_reference_client_is_read_and_changed_line_by_line(call: Caller) -> None:
    call.write_config(SAMPLE)
    shown = json.loads(call("cluster", "list", "-o", "json").out)
    assert [(one["id"], one["endpoint"], one["default"]) for one in shown] == [
        ("0123", "https://one.example.org", False),
        ("my-cluster", "https://two.example.org/prefix/", True),
        ("with words", "http://localhost:8080", False),
    ]
    clusters = ConfigFile(call.config).read().clusters
    assert (clusters["0123"].auth_password, clusters["with words"].auth_password) == ("0123", "two\nlines")
    assert call("cluster", "default", "--set", "0123").code == 0
    assert call.config.read_text() == SAMPLE.replace("default: my-cluster", 'default: "0123"')
    assert call("cluster", "delete", "my-cluster").code == 0
    lines = SAMPLE.splitlines(keepends=True)
    assert call.config.read_text() == "".join(lines[:8] + lines[14:-1]) + 'default: "0123"\n'
