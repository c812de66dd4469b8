"""Words on the command line, places in an object store, and names that become files: any text at all."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oscarcli.cli.app import main
from oscarcli.cli.kit.local_paths import latest_target, root_of, target_file
from oscarcli.cli.service.file_arguments import parse_delete, parse_get, parse_list, parse_put
from oscarcli.errors import ExitCode, OscarError, UsageError
from oscarcli.output.terminal import clean, clean_log
from oscarcli.storage.location import Location, parse_location, require_object
from oscarcli.storage.safe_paths import safe_name
from tests.conftest import isolated
from tests.property.properties import examples, odd_text, tried

# A word as the system hands it over: no NUL, and bytes that are no UTF-8 as halves of surrogate pairs.
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0") | st.sampled_from(
    "\udc80\udcff"
)
WORD = st.one_of(
    st.text(CHARACTERS, max_size=8),
    st.sampled_from(
        [
            "",
            "-",
            "--",
            "svc",
            "minio.default",
            "minio",
            "s3.x",
            "a.b.c",
            "b/k",
            "b/",
            "/",
            "..",
            "../x",
            "x/*",
        ]
    ),
    odd_text(5).map(lambda text: text.replace("\0", "")),
)
# Of everything that can be typed, what neither waits, nor starts a server, nor asks a person or a browser.
NOUNS = (
    *("apply", "delete", "diff", "validate", "graph", "health", "version", "init", "service", "", "bogus"),
    *("cluster add", "cluster list", "cluster default", "cluster delete", "cluster info", "volume create"),
    *("service get", "service list", "service run", "service job", "service get-file", "service put-file"),
    *("service list-files", "service delete-file", "service logs list", "service logs get", "quota get"),
    *("service logs delete", "service deployment logs", "service export", "bucket list", "bucket get"),
    *("bucket create", "bucket presign", "bucket get-file", "bucket put-file", "metrics breakdown"),
    *("quota update", "federation add-member"),
)
OPTIONS = st.sampled_from(
    [
        *(
            "-o",
            "-c",
            "-n",
            "-t",
            "-i",
            "-f",
            "-q",
            "-v",
            "-h",
            "--help",
            "--output=json",
            "-ojson",
            "-oyaml",
        ),
        *("--all", "--limit", "--page", "--name", "--provider", "--to", "--config", "--columns", "--debug"),
        *("--no-headers", "--timeout", "--env-file", "--download-latest-into", "--download-latest-into=x"),
        *("--tail", "--since", "--raw", "--start", "--end", "--visibility", "--priority", "--size"),
    ]
)
OPTION_OF = {"parse_get": "latest", "parse_put": "to"}
# How the program names an error that nobody foresaw.
UNFORESEEN = re.compile(r"unexpected [A-Z]\w*: ")
COMMAND = st.tuples(st.sampled_from(NOUNS), st.lists(WORD | OPTIONS, max_size=6))
DANGEROUS = re.compile(
    r"[^\n\t\x20-\x7e\xa0-\U0010ffff]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a cluster on record that nobody listens for."""
    home = tmp_path_factory.mktemp("words") / "home"
    (home / ".oscar-cli").mkdir(parents=True)
    (home / "x").mkdir()
    return home


def called(home: Path, words: list[str]) -> tuple[int, str]:
    """Call the program in a home that is as it was at first, and return its code and all it said."""
    config = home / ".oscar-cli" / "config.yaml"
    config.write_text(
        "oscar: {a: {endpoint: 'http://127.0.0.1:9', auth_user: u, auth_password: p}}\ndefault: a\n"
    )
    config.chmod(0o600)
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    code = 0
    with (
        mock.patch.dict(os.environ, isolated(home), clear=True),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xffx\n"))),
        mock.patch("time.sleep"),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main(words)
        except SystemExit as ending:
            code = int(ending.code or 0)
    said = ""
    for stream in (out, err):
        stream.flush()
        content = stream.buffer
        assert isinstance(content, io.BytesIO)
        said += content.getvalue().decode()
    return code, said


@given(command=COMMAND)
@example(command=("service run", ["svc", "-i", "\udcff"]))
@example(command=("bucket get", ["b", "--page", "\udcff"]))
@example(command=("bucket presign", ["b", "\udcff"]))
@example(command=("federation add-member", ["svc", "--cluster-id", "\udcff", "--service-name", "\udcff"]))
@example(command=("volume create", ["\udcff", "--size", "1Gi"]))
@example(command=("cluster add", ["a", "http://x", "\udcff", "\udcff", "--force"]))
@examples(300)
def test_no_words_are_a_surprise(home: Path, command: tuple[str, list[str]]) -> None:
    here = Path.cwd()
    os.chdir(home)
    try:
        code, said = called(home, [*command[0].split(), *command[1]])
    finally:
        os.chdir(here)
    assert code in list(ExitCode), command
    assert UNFORESEEN.search(said) is None, (command, said)
    if "--debug" not in command[1]:
        assert "Traceback" not in said, (command, said)


@pytest.mark.parametrize("understand", [parse_get, parse_put, parse_list, parse_delete])
@given(words=st.lists(WORD, max_size=6), provider=st.none() | WORD, other=st.none() | WORD)
@examples(100)
def test_words_about_files_are_understood_or_refused(
    understand: Callable[..., object], words: list[str], provider: str | None, other: str | None
) -> None:
    option = OPTION_OF.get(understand.__name__)
    options = {option: other} if option else {}
    found = tried(lambda: understand(words, provider=provider, **options))
    assert isinstance(found, UsageError) or not isinstance(found, OscarError)


@given(text=odd_text() | WORD)
@examples(300)
def test_a_place_is_understood_once_and_for_all_or_refused(text: str) -> None:
    def one_object(words: str) -> Location:
        return require_object(parse_location(words), is_key=False)

    for understand in (parse_location, one_object):
        place = tried(lambda understand=understand: understand(text))  # type: ignore[misc]
        if isinstance(place, OscarError):
            assert isinstance(place, UsageError)
            continue
        assert place.bucket
        assert "/" not in place.bucket
        # Not a letter of a key is changed.
        assert text.endswith(place.key)
        assert parse_location(str(place)) == place


@given(
    name=odd_text() | WORD | st.lists(st.sampled_from(["..", ".", "", "a", "/", "\\", "C:"])).map("/".join)
)
@examples(300)
def test_no_name_leads_out_of_a_folder(name: str) -> None:
    path = tried(lambda: safe_name(name))
    if isinstance(path, OscarError):
        assert path.exit_code == ExitCode.REFUSED
        return
    joined = os.path.normpath(Path("/top/of") / path)
    assert joined.startswith("/top/of/")
    os.fsencode(path)


@given(word=st.none() | WORD, name=st.sampled_from(["a", "b.png"]))
@examples(100)
def test_a_target_is_inside_what_was_named(word: str | None, name: str) -> None:
    for target_of in (target_file, latest_target):
        if word is None and target_of is latest_target:
            continue
        target = tried(lambda target_of=target_of: target_of(word, name))  # type: ignore[misc]
        assert isinstance(target, Path)
        root = root_of(target, word)
        assert root is None or target.parent == root


@given(text=st.text() | odd_text())
@examples(300)
def test_what_is_clean_moves_no_cursor_and_stays_as_it_is(text: str) -> None:
    for make_clean in (clean, clean_log):
        found = make_clean(text)
        assert DANGEROUS.search(found) is None
        assert make_clean(found) == found
    assert "\n" not in clean(text)
