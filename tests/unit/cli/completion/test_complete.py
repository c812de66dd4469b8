"""What may follow, in every place of a line."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from oscarcli.cli.completion.collect import table
from oscarcli.cli.completion.complete import complete
from oscarcli.cli.completion.line import Suggestions
from oscarcli.cli.kit.command_tree import TABLE, read_tree

ROOT = read_tree()
THINGS = {
    "cluster": ["here", "my two"],
    "service": ["posenet", "text-stats"],
    "job": ["text-stats-1"],
    "bucket": ["photos", "posts"],
    "volume": ["disk"],
    "object": ["photos/in/", "photos/x"],
    "provider": ["minio.default"],
    "input": [],
    "output": [],
}


class Known:
    """Tells names, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str], dict[str, str]]] = []

    def __call__(self, kind: str, chosen: Sequence[str], given: dict[str, str]) -> list[tuple[str, str]]:
        self.asked.append((kind, list(chosen), given))
        return [(name, "") for name in THINGS[kind]]


def answer(line: str) -> Suggestions:
    *before, current = line.split(" ")
    return complete(ROOT, before, current, Known())


def words(line: str) -> list[str]:
    return [word for word, _ in answer(line).pairs]


def test_the_table_is_that_of_the_real_commands() -> None:
    assert TABLE.read_text() == table(), "write it anew: python -m oscarcli.cli.completion.collect"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ser", ["service"]),
        ("vol", ["volume"]),
        ("svc", ["svc"]),
        ("nothing ", []),
        ("nothing -", []),
        ("service lo", ["logs"]),
        ("s l", ["list", "list-files", "logs"]),
        ("svc logs ", ["list", "get", "delete"]),
        ("--debug -v service logs g", ["get"]),
        ("-c here service dep", ["deployment"]),
        ("--cluster=here --config x service dep", ["deployment"]),
        ("service -c here lo", ["logs"]),
        ("help service lo", ["logs"]),
        ("service help lo", ["logs"]),
        ("cluster d", ["delete", "default"]),
        ("cluster i", ["info"]),
        ("completion f", ["fish"]),
    ],
)
def test_commands(line: str, expected: list[str]) -> None:
    assert words(line) == expected


def test_everything_there_is_comes_with_its_help() -> None:
    assert ("volume", "Volumes that services mount.") in answer("").pairs
    assert ("delete", "Forget a cluster; the cluster itself is not touched.") in answer("c ").pairs


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--ver", ["--verbose", "--version"]),
        ("service list --inc", ["--include-deployment"]),
        ("service list --conf", ["--config"]),
        ("service list --no-headers --no", []),
        ("service list -q --qui", []),
        ("service logs list x --status failed --st", ["--status"]),
        ("service list -q", ["-q"]),
        ("service list -- --inc", []),
        ("service --ti", ["--timeout"]),
    ],
)
def test_options(line: str, expected: list[str]) -> None:
    assert words(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("service list -o ", ["table", "json", "yaml", "csv", "name"]),
        ("service list -o j", ["json"]),
        ("service list --output=y", ["--output=yaml"]),
        ("service job x -o t", ["table"]),
        ("graph f -o m", ["mermaid"]),
        ("bucket create x --visibility p", ["private", "public"]),
        ("service list --columns n", ["name"]),
        ("service list --columns name,i", ["name,image"]),
        ("service list --columns=name,i", ["--columns=name,image"]),
        ("service list --columns name,n", []),
        ("service logs list x -s failed,r", ["failed,running"]),
        ("-c ", ["here", "my two"]),
        ("service list --cluster=h", ["--cluster=here"]),
        ("cluster default --set my", ["my two"]),
        ("local start --engine h", ["host"]),
        ("service list --timeout ", []),
        ("service put-file x --provider ", ["minio.default"]),
        ("service get-file x --download-latest-into ", ["minio.default", "photos/", "posts/"]),
        ("service list -o=y", ["-o=yaml"]),
        ("service list -vo=y", ["-vo=yaml"]),
        ("service list -cx=y", []),
        ("service list -c=h", ["-c=here"]),
        ("-c=", ["-c=here", "-c=my two"]),
        ("service logs list x -s=failed,r", ["-s=failed,running"]),
    ],
)
def test_values(line: str, expected: list[str]) -> None:
    assert words(line) == expected


def test_a_list_goes_on() -> None:
    assert answer("service list --columns n").goes_on
    assert not answer("service list -o j").goes_on


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cluster delete ", ["here", "my two"]),
        ("cluster d ", ["here", "my two"]),
        ("cluster add ", []),
        ("service get t", ["text-stats"]),
        ("service -o json get t", ["text-stats"]),
        ("service delete posenet ", ["text-stats"]),
        ("service get posenet ", []),
        ("service logs get text-stats t", ["text-stats-1"]),
        ("service logs delete text-stats other ", ["text-stats-1"]),
        ("bucket get p", ["photos", "posts"]),
        ("bucket create ", []),
        ("bucket get-file p", ["photos", "posts"]),
        ("volume delete ", ["disk"]),
        ("metrics service ", ["posenet", "text-stats"]),
        ("service get-file ", ["posenet", "text-stats"]),
        ("service get-file x ", ["minio.default", "photos/", "posts/"]),
        ("service get-file x minio.default ", ["photos/", "posts/"]),
        ("service get-file x photos/a ", []),
        ("service list-files x ph", ["photos/"]),
        ("service delete-file x minio.default ", ["photos/", "posts/"]),
        ("service put-file x mi", ["minio.default"]),
        ("service put-file x a.txt ", []),
        ("service sync ", ["posenet:", "text-stats:"]),
        ("service sync data/ t", ["text-stats:"]),
        ("bucket sync data/ p", ["photos:", "posts:"]),
        ("service sync posenet:ph", ["posenet:photos/"]),
        ("service sync posenet:photos/", ["posenet:photos/in/", "posenet:photos/x"]),
        ("bucket sync photos:i", ["photos:in/"]),
        ("service get-file posenet minio photos/", ["photos/in/", "photos/x"]),
        ("bucket get-file photos ", ["in/", "x"]),
        ("service sync --ch", ["--checksum"]),
        ("service put-file x --inc", ["--include"]),
    ],
)
def test_arguments(line: str, expected: list[str]) -> None:
    assert words(line) == expected


@pytest.mark.parametrize(
    ("line", "files", "folders"),
    [
        ("apply ", True, False),
        ("validate one.yaml ", True, False),
        ("--config ", True, False),
        ("--config=", True, False),
        ("service run x -f ", True, False),
        ("service run x -f=", True, False),
        ("service get-file x --download-latest-into=", True, False),
        ("service put-file x ", True, False),
        ("service put-file x minio.default a.txt ", True, False),
        ("service get-file x photos/a ", True, False),
        ("init x --dir ", False, True),
        ("service job x -o ", False, True),
        ("service sync ", False, True),
        ("bucket sync photos ", False, True),
        ("service get ", False, False),
        ("service put-file ", False, False),
    ],
)
def test_files_and_folders_of_this_machine(line: str, files: bool, folders: bool) -> None:
    found = answer(line)
    assert (found.takes_files, found.takes_folders) == (files, folders)


def test_a_path_goes_on_and_a_provider_does_not() -> None:
    assert answer("service list-files x ph").goes_on
    assert not answer("service list-files x mi").goes_on


def test_names_are_asked_for_only_where_one_goes_and_with_what_was_typed() -> None:
    for line in ("ser", "service ", "service list --", "service list -o ", "apply ", "bucket create "):
        known = Known()
        *before, current = line.split(" ")
        complete(ROOT, before, current, known)
        assert known.asked == [], line
    known = Known()
    before = ["--config=f", "service", "-c", "here", "logs", "get", "svc"]
    complete(ROOT, before, "", known)
    assert known.asked == [("job", ["svc"], {"--config": "f", "--cluster": "here"})]
    known = Known()
    complete(ROOT, ["-vc=here", "service", "logs", "get", "-vo=json", "svc"], "", known)
    assert known.asked == [("job", ["svc"], {"--output": "json", "--cluster": "here"})]
