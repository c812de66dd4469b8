"""`init`: files that apply as they are, and never in the place of others."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from oscarcli.fdl.read import inspect
from tests.conftest import Caller


@pytest.fixture(autouse=True)
def _at_home(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(call.home)


def test_it_writes_an_fdl_and_a_script(call: Caller) -> None:
    outcome = call("init", "my-service")
    assert (outcome.code, outcome.err) == (0, "next: oscar-cli apply my-service/fdl.yaml\n")
    assert outcome.out == "Wrote my-service/fdl.yaml\nWrote my-service/script.sh\n"
    [service] = inspect("my-service/fdl.yaml").services
    assert service.definition["name"] == "my-service"
    assert service.definition["input"][0]["path"] == "my-service/input"
    assert service.cluster_key == "default-cluster"
    script = Path("my-service/script.sh")
    assert script.read_text() == service.definition["script"]
    assert stat.S_IMODE(script.stat().st_mode) & 0o100
    assert sorted(path.name for path in Path("my-service").iterdir()) == ["fdl.yaml", "script.sh"]


@pytest.mark.parametrize("name", ["my-service", "on", "ab", "a", "null", "n" * 39, "x-1"])
@pytest.mark.parametrize(
    "image", [None, "images.example.org/a/b:1.0@sha256:0f", "true", "1.5", "'odd'#:", "é"]
)
def test_the_files_have_no_mistakes_whatever_the_names_are(
    call: Caller, name: str, image: str | None
) -> None:
    words = ["--image", image] if image else []
    assert call("init", name, *words, "--dir", "here").code == 0
    found = inspect("here/fdl.yaml")
    assert (found.mistakes, found.warnings) == ((), ())
    [service] = found.services
    assert (service.name, service.definition["image"]) == (name, image or "alpine:3")
    assert call("validate", "here/fdl.yaml").code == 0


def test_what_is_commented_out_can_be_commented_in(call: Caller) -> None:
    assert call("init", "abc").code == 0
    text = Path("abc/fdl.yaml").read_text()
    lines = [line.replace("# ", "", 1) if line.startswith("      # ") else line for line in text.splitlines()]
    keys = ["log_level", "environment", "variables", "MODEL", "secrets", "API_KEY", "expose"]
    keys += ["api_port", "min_scale", "max_scale", "default_command"]
    kept = [
        line
        for before, line in zip(text.splitlines(), lines, strict=True)
        if before == line or line.strip().partition(":")[0] in keys
    ]
    Path("abc/fdl.yaml").write_text("\n".join(kept).replace("        # suffix", "        suffix") + "\n")
    found = inspect("abc/fdl.yaml")
    assert (found.mistakes, found.warnings) == ((), ())
    definition = found.services[0].definition
    assert definition["expose"]["api_port"] == [8080]
    assert definition["environment"] == {"variables": {"MODEL": "small"}, "secrets": {"API_KEY": ""}}
    assert definition["output"][0]["suffix"] == [".txt"]


@pytest.mark.parametrize("there", ["fdl.yaml", "script.sh"])
def test_nothing_is_overwritten_unless_it_is_asked_for(call: Caller, there: str) -> None:
    Path("abc").mkdir()
    Path("abc", there).write_text("mine")
    refused = call("init", "abc")
    assert (refused.code, refused.out) == (2, "")
    assert f"not overwritten: abc/{there}" in refused.err
    assert [path.name for path in Path("abc").iterdir()] == [there]
    assert Path("abc", there).read_text() == "mine"
    assert call("init", "abc", "--force").code == 0
    assert Path("abc", there).read_text() != "mine"


def test_a_link_that_leads_nowhere_is_there_too(call: Caller) -> None:
    Path("abc").mkdir()
    Path("abc/fdl.yaml").symlink_to("/nowhere/else")
    assert call("init", "abc").code == 2


def test_other_files_of_a_folder_stay(call: Caller) -> None:
    Path("abc").mkdir()
    Path("abc/notes.txt").write_text("mine")
    assert call("init", "xyz", "--dir", "abc").code == 0
    assert Path("abc/notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["Abc", "a_b", "1abc", "", "-a", "a-", "n" * 40, "../x", "a/b", "é"])
def test_names_are_checked(call: Caller, name: str) -> None:
    outcome = call("init", "--", name)
    assert outcome.code == 2
    assert list(call.home.iterdir()) == []


@pytest.mark.parametrize("image", ["", "a b", "a\nb", "a\x1b"])
def test_images_are_checked(call: Caller, image: str) -> None:
    assert call("init", "abc", f"--image={image}").code == 2
    assert list(call.home.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_cannot_be_written(call: Caller) -> None:
    Path("locked").mkdir(mode=0o500)
    outcome = call("init", "abc", "--dir", "locked")
    assert (outcome.code, "Permission denied" in outcome.err) == (1, True)


def test_a_file_in_the_place_of_the_folder(call: Caller) -> None:
    Path("abc").write_text("a file")
    outcome = call("init", "abc")
    assert outcome.code in (1, 2)
    assert "Traceback" not in outcome.err
    assert Path("abc").read_text() == "a file"


def test_json(call: Caller) -> None:
    outcome = call("init", "abc", "-o", "json")
    assert json.loads(outcome.out) == {"service": "abc", "fdl": "abc/fdl.yaml", "script": "abc/script.sh"}
    assert outcome.err == ""
    assert yaml.safe_load(call("init", "abc", "--force", "-o", "yaml").out)["service"] == "abc"


def _run(script: Path, source: Path, results: Path) -> subprocess.CompletedProcess[str]:
    """Run a script as the supervisor does, by `/bin/sh`, which ignores the first line."""
    variables = {"INPUT_FILE_PATH": str(source), "TMP_OUTPUT_DIR": str(results), "PATH": os.environ["PATH"]}
    return subprocess.run(
        ["/bin/sh", str(script)], env=variables, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("template", ["shell", "python"])
def test_templates_run_as_they_are(call: Caller, template: str) -> None:
    Path("in.txt").write_text("one\ntwo\n")
    Path("results").mkdir()
    assert call("init", "abc", "--template", template).code == 0
    done = _run(Path("abc/script.sh"), Path("in.txt"), Path("results"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Reading in.txt\nWrote in.txt.count.txt\n"
    assert Path("results/in.txt.count.txt").read_text().split()[0] == "2"
    assert call("validate", "abc/fdl.yaml").err == ""


def test_the_container_template_has_the_program_in_its_image(call: Caller) -> None:
    assert call("init", "abc", "--template", "container", "--image", "lab/abc:2").code == 0
    folder = Path("abc")
    names = ["Containerfile", "fdl.yaml", "process.py", "script.sh"]
    assert sorted(path.name for path in folder.iterdir()) == names
    [copied] = [
        line for line in (folder / "Containerfile").read_text().splitlines() if line.startswith("COPY")
    ]
    assert copied == "COPY process.py /opt/abc/process.py"
    assert 'exec python3 /opt/abc/process.py "$INPUT_FILE_PATH"' in (folder / "script.sh").read_text()
    found = inspect("abc/fdl.yaml")
    assert (found.mistakes, found.warnings) == ((), ())
    assert found.services[0].definition["image"] == "lab/abc:2"


@pytest.mark.parametrize(
    ("name", "text", "image"),
    [
        ("work.py", "import sys\nprint('got', sys.argv[1])", "python:3-slim"),
        ("work", "#!/usr/bin/env python3\nimport sys\nprint('got', sys.argv[1])\n", "python:3-slim"),
        ("work", "#!/usr/bin/env -S python3 -u\nimport sys\nprint('got', sys.argv[1])\n", "python:3-slim"),
        ("w$(id)'.py", "\ufeffimport sys\r\nprint('got', sys.argv[1])\r\n", "python:3-slim"),
        (
            "work.py",
            "import sys\nEND = '''\nEND_OF_SCRIPT\n'''\nprint('got', sys.argv[1])\n",
            "python:3-slim",
        ),
        ("work.sh", 'echo "got $INPUT_FILE_PATH"\n', "alpine:3"),
        ("work", '#!/bin/bash\necho "got $INPUT_FILE_PATH"\n', "alpine:3"),
    ],
)
def test_a_script_of_another_language_is_called_from_one_of_the_shell(
    call: Caller, name: str, text: str, image: str
) -> None:
    Path(name).write_bytes(text.encode())
    assert call("init", "abc", "--script", name).code == 0
    done = _run(Path("abc/script.sh"), Path("in put.txt"), Path())
    assert (done.returncode, done.stdout, done.stderr) == (0, "got in put.txt\n", "")
    found = inspect("abc/fdl.yaml")
    assert (found.mistakes, found.warnings) == ((), ())
    assert found.services[0].definition["image"] == image


def test_the_exit_code_of_the_script_inside_comes_through(call: Caller) -> None:
    Path("work.py").write_text("raise SystemExit(7)")
    assert call("init", "abc", "--script", "work.py").code == 0
    assert _run(Path("abc/script.sh"), Path("x"), Path()).returncode == 7


@pytest.mark.parametrize(
    ("data", "name", "code", "words"),
    [
        (b"print 1", "work.xyz", 2, 'nothing says which program runs "work.xyz"'),
        (b"", "work.py", 2, '"work.py" is empty'),
        (b"\xff\xfe", "work.py", 2, '"work.py" is no UTF-8 text'),
        (b"#" * (1 << 20) + b"#", "work.py", 2, "larger than 1 MiB"),
        (None, "work.py", 1, 'cannot read "work.py": No such file or directory'),
    ],
)
def test_scripts_that_cannot_be_taken(
    call: Caller, data: bytes | None, name: str, code: int, words: str
) -> None:
    if data is not None:
        Path(name).write_bytes(data)
    outcome = call("init", "abc", "--script", name)
    assert (outcome.code, words in outcome.err) == (code, True), outcome.err
    assert not Path("abc").exists()


def test_a_template_and_a_script_exclude_each_other(call: Caller) -> None:
    Path("work.py").write_text("1")
    outcome = call("init", "abc", "--script", "work.py", "--template", "shell")
    assert (outcome.code, "only one of them" in outcome.err) == (2, True)
