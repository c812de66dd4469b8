"""Folders and patterns of `put-file` and its siblings: the real command, and a store on loopback."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from oscarcli.errors import ExitCode
from tests.conftest import Caller, Runner
from tests.support.s3_servers import Server, local_server
from tests.support.stored_service import BUCKET, StoredService

TREE = {"data/a.jpg": "1", "data/deep/b.jpg": "2", "data/deep/c.txt": "3", "data/.hidden/d.jpg": "4"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with local_server(tmp_path_factory.mktemp("store")) as store:
        yield store


# -- put-file ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (["data/"], ["in/.hidden/d.jpg", "in/a.jpg", "in/deep/b.jpg", "in/deep/c.txt"]),
        (
            ["-r", "data"],
            ["in/data/.hidden/d.jpg", "in/data/a.jpg", "in/data/deep/b.jpg", "in/data/deep/c.txt"],
        ),
        (["data/deep/", "svc/x/"], ["x/b.jpg", "x/c.txt"]),
        (["data/deep/", "svc/x"], ["x/b.jpg", "x/c.txt"]),
        (["data/deep/", "--to", "svc/"], ["b.jpg", "c.txt"]),
        (["-r", "data/deep", "data/a.jpg", "--to", "svc/y/"], ["y/a.jpg", "y/deep/b.jpg", "y/deep/c.txt"]),
        (["-r", "data/deep", "data/.hidden"], ["in/.hidden/d.jpg", "in/deep/b.jpg", "in/deep/c.txt"]),
        (["data/", "--include", "*.jpg", "--exclude", "/deep"], ["in/.hidden/d.jpg", "in/a.jpg"]),
        (["data/", "--exclude", "*.jpg"], ["in/deep/c.txt"]),
        (["data/", "--exclude", "*", "--include", "deep/**"], ["in/deep/b.jpg", "in/deep/c.txt"]),
        (["data/**/*.jpg"], ["in/a.jpg", "in/deep/b.jpg"]),
        (["**/deep/*", "svc/"], ["data/deep/b.jpg", "data/deep/c.txt"]),
        (["data/*/b.jpg", "data/?.jpg", "--to", "svc/in/"], ["in/a.jpg", "in/b.jpg"]),
    ],
)
def test_a_folder_goes_up_with_its_tree(
    call: Caller, svc: StoredService, words: list[str], keys: list[str]
) -> None:
    svc.write(TREE)
    done = call("service", "put-file", "svc", *words)
    assert (done.code, done.err) == (0, "")
    assert sorted(svc.stored()) == keys
    assert len(done.out.splitlines()) == len(keys)


def test_bucket_put_file_takes_folders_too(call: Caller, svc: StoredService) -> None:
    svc.write(TREE)
    done = call("bucket", "put-file", BUCKET, "data/", "x", "--include", "deep/", "-o", "json")
    assert (done.code, done.err) == (0, "")
    told = json.loads(done.out)
    assert (told.pop("bucket"), sorted(told.pop("uploaded")), told) == (
        BUCKET,
        ["minio.default:svc/x/deep/b.jpg", "minio.default:svc/x/deep/c.txt"],
        {},
    )
    assert svc.stored() == {"x/deep/b.jpg": "2", "x/deep/c.txt": "3"}


def test_links_are_told_and_followed_only_when_that_is_asked_for(call: Caller, svc: StoredService) -> None:
    svc.write({"data/a.txt": "a", "other/b.txt": "b"})
    (call.home / "data/link").symlink_to("../other")
    (call.home / "data/one.txt").symlink_to("../other/b.txt")
    (call.home / "data/loop").symlink_to(".")
    done = call("service", "put-file", "svc", "data/")
    assert done.code == ExitCode.PARTIAL
    assert done.err.count("is a symbolic link: it is not followed") == 3
    assert "3 of 4 files were not uploaded" in done.err
    assert svc.stored() == {"in/a.txt": "a"}
    done = call("service", "put-file", "svc", "data/", "--follow-symlinks")
    assert done.code == ExitCode.PARTIAL
    assert 'Error: "data/loop" is a link to a folder that it is in: it is not followed\n' in done.err
    assert svc.stored() == {"in/a.txt": "a", "in/link/b.txt": "b", "in/one.txt": "b"}
    assert call("service", "put-file", "svc", "data/", "--follow-symlinks", "--exclude", "loop").code == 0


def test_what_is_no_file_is_told_and_the_rest_goes_up(call: Caller, svc: StoredService) -> None:
    svc.write({"data/a.txt": "a"})
    os.mkfifo(call.home / "data/pipe")
    (call.home / "data" / os.fsdecode(b"caf\xe9")).write_text("latin")
    (call.home / "data/gone").symlink_to("nowhere")
    done = call("service", "put-file", "svc", "data/", "--follow-symlinks")
    assert done.code == ExitCode.PARTIAL
    assert done.out == 'Uploaded "data/a.txt" to "minio.default:svc/in/a.txt"\n'
    assert 'Error: "data/pipe" is no regular file\n' in done.err
    assert 'Error: "data/caf\\udce9" cannot be the name of an object: it is no UTF-8\n' in done.err
    assert 'Error: local file "data/gone" cannot be read: No such file or directory\n' in done.err
    assert done.err.endswith("Error: 3 of 4 files were not uploaded\n")


def test_of_two_files_for_one_object_the_second_is_told(call: Caller, svc: StoredService) -> None:
    svc.write({"x/a": "first", "y/a": "second", "y/b": "b"})
    done = call("bucket", "put-file", BUCKET, "-r", "x/a", "y/a", "y/b", "in/")
    assert (done.code, svc.stored()) == (ExitCode.PARTIAL, {"in/a": "first", "in/b": "b"})
    assert 'Error: "x/a" and "y/a" would both become "svc/in/a"\n' in done.err
    done = call("bucket", "put-file", BUCKET, "x/", "y/", "in/")
    assert (done.code, svc.stored()["in/a"]) == (ExitCode.PARTIAL, "first")


@pytest.mark.parametrize("options", [[], ["--exclude", "*.txt"]])
def test_nothing_to_upload_is_told(call: Caller, svc: StoredService, options: list[str]) -> None:
    (call.home / "empty/deep").mkdir(parents=True)
    if options:
        svc.write({"empty/a.txt": "a"})
    done = call("service", "put-file", "svc", "empty/", *options)
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert done.err.startswith("Error: there is no file to upload\nhint: ")


# -- list-files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["svc/out/*.txt"], ["a.txt"]),
        (["svc/out/**/*.txt"], ["a.txt", "deep/b.txt"]),
        (["svc/out/*/"], ["deep/b.txt", "deep/c.bin"]),
        (["svc/out/d*/?.bin"], ["deep/c.bin"]),
        (["svc/out/**"], ["[x].log", "a.txt", "deep/b.txt", "deep/c.bin"]),
        (["svc/out/[!a]*.*"], ["[x].log"]),
        # A key to the letter comes first.
        (["svc/out/[x].log"], ["out/[x].log"]),
        (["svc/out", "--include", "*.txt", "--exclude", "deep"], ["a.txt"]),
        ([], ["[x].log", "a.txt", "deep/b.txt", "deep/c.bin"]),
        (["minio"], ["[x].log", "a.txt", "deep/b.txt", "deep/c.bin"]),
    ],
)
def test_patterns_list_what_they_match(
    call: Caller, svc: StoredService, words: list[str], names: list[str]
) -> None:
    svc.put("out/a.txt", "out/deep/b.txt", "out/deep/c.bin", "out/[x].log", "output/z.txt", "in/i")
    done = call("service", "list-files", "svc", *words)
    assert (done.code, [line.split()[0] for line in done.out.splitlines()]) == (0, names)
    said = 'the files of "minio.default:svc/out"\n' if words in ([], ["minio"]) else ""
    assert done.err == said


def test_without_one_output_there_is_no_path_to_guess(call: Caller, svc: StoredService) -> None:
    svc.put("in/i", "more/m")
    svc.document["output"].append({"storage_provider": "minio.default", "path": "/svc/more/"})
    for verb in ("list-files", "get-file"):
        done = call("service", verb, "svc")
        assert (done.code, done.out) == (ExitCode.USAGE, "")
        assert 'service "svc" has several output folders\n' in done.err
        assert "hint: name one of them: minio.default svc/out, minio.default svc/more\n" in done.err
    svc.document["output"] = None
    assert call("service", "list-files", "svc").out.split()[0] == "i"
    svc.document["input"] = []
    assert 'service "svc" has no input folder' in call("service", "get-file", "svc").err


# -- get-file ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "files"),
    [
        (["svc/out", "got"], {"a.txt", "deep/b.txt"}),
        (["svc/out"], {"out/a.txt", "out/deep/b.txt"}),
        ([], {"out/a.txt", "out/deep/b.txt"}),
        (["svc/out/*.txt", "got"], {"a.txt"}),
        (["svc/out/**/*.txt", "got"], {"a.txt", "deep/b.txt"}),
        (["svc/out/*/b.txt"], {"deep/b.txt"}),
        (["svc/out/", "got", "--exclude", "deep"], {"a.txt"}),
        (["svc", "got", "--include", "out/"], {"out/a.txt", "out/deep/b.txt"}),
    ],
)
def test_a_folder_or_a_pattern_comes(
    call: Caller, svc: StoredService, words: list[str], files: set[str]
) -> None:
    svc.put("out/", "out/a.txt", "out/deep/b.txt", "output/z")
    done = call("service", "get-file", "svc", *words)
    top = call.home / ("got" if "got" in words else "")
    assert (done.code, done.err) == (0, "")
    assert set(done.out.splitlines()) == {f"{top}/{name}" for name in files}
    for name in files:
        assert (top / name).read_text() in ("out/a.txt", "out/deep/b.txt")


def test_a_key_with_a_star_is_reached(call: Caller, svc: StoredService) -> None:
    svc.put("out/*", "out/[a]/x", "out/a", "out/b")
    assert call("bucket", "get-file", BUCKET, "out/*", "one").code == 0
    assert (call.home / "one").read_text() == "out/*"
    assert call("bucket", "get-file", BUCKET, "out/[a]", "folder").code == 0
    assert svc.read("folder") == {"x": "out/[a]/x"}
    assert call("bucket", "delete-file", BUCKET, "out/*").out == 'Deleted "svc/out/*"\n'
    assert call("bucket", "get-file", BUCKET, "out/*", "--key").code == ExitCode.NOT_FOUND
    assert call("bucket", "get-file", BUCKET, "out/*", "several").code == 0
    assert svc.read("several") == {"a": "out/a", "b": "out/b"}


@pytest.mark.parametrize("remote", ["svc/out", "svc/out/*"])
def test_a_file_where_a_folder_is_needed_is_told(call: Caller, svc: StoredService, remote: str) -> None:
    svc.put("out/a", "out/b")
    svc.write({"got": "precious"})
    for place in ("got", "got/deeper"):
        done = call("service", "get-file", "svc", remote, place)
        assert (done.code, done.out) == (ExitCode.USAGE, "")
        assert done.err.startswith('Error: "got" is a file, and a folder is needed\n')
    assert (call.home / "got").read_text() == "precious"
    done = call("service", "get-file", "svc", remote, "-")
    assert (done.code, "do not all go to standard output" in done.err) == (ExitCode.USAGE, True)


def test_patterns_that_do_not_fit_are_told(call: Caller, svc: StoredService) -> None:
    svc.put("out/a")
    for words, code, message in (
        (["svc/out/*.nothing"], ExitCode.NOT_FOUND, "no files found under"),
        (["s*/out/a"], ExitCode.USAGE, "a pattern in the place of the bucket"),
        (["svc/out/a", "--include", "*"], ExitCode.USAGE, "is one object"),
        (["svc/out/", "--include", ""], ExitCode.USAGE, "the pattern of --include or --exclude is empty"),
        (["--download-latest-into", "--exclude", "x"], ExitCode.USAGE, "looks for one object"),
    ):
        done = call("service", "get-file", "svc", *words)
        assert (done.code, done.out) == (code, ""), words
        assert message in done.err


# -- delete-file ---------------------------------------------------------------------------------------


def test_a_pattern_deletes_with_yes_and_asks_on_a_terminal(
    run: Runner, call: Caller, svc: StoredService
) -> None:
    svc.put("out/a.txt", "out/b.txt", "out/c.bin", "out/deep/d.txt")
    refused = call("service", "delete-file", "svc", "minio", "svc/out/*.txt")
    assert (refused.code, refused.out) == (ExitCode.USAGE, "")
    assert '"svc/out/*.txt" matches 2 objects' in refused.err
    no = run.terminal("service", "delete-file", "svc", "minio", "svc/out/*.txt", answers=[("[y/N]", "n\n")])
    assert (no.code, "nothing was deleted" in no.out) == (1, True)
    assert len(svc.stored()) == 4
    yes = run.terminal("service", "delete-file", "svc", "minio", "svc/out/*.txt", answers=[("[y/N]", "y\n")])
    assert yes.code == 0
    assert 'Delete 2 objects that match "svc/out/*.txt"?' in yes.out
    assert sorted(svc.stored()) == ["out/c.bin", "out/deep/d.txt"]
    done = call("bucket", "delete-file", BUCKET, "out/**", "--yes", "-o", "json")
    assert sorted(json.loads(done.out)["deleted"]) == ["svc/out/c.bin", "svc/out/deep/d.txt"]
    assert svc.stored() == {}
    done = call("bucket", "delete-file", BUCKET, "out/**", "--yes")
    assert (done.code, "no object matches" in done.err) == (ExitCode.NOT_FOUND, True)
