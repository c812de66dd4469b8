"""Workspaces are used again, but only when nothing of the run before is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from oscarcli.local.folder import remove_tree
from oscarcli.local.jobs.engine.base import RunCancelled
from oscarcli.local.jobs.removal import FolderRemover
from oscarcli.local.jobs.spare_workspaces import MAX_FILES, MAX_SPARE_BYTES, SpareWorkspaces
from oscarcli.local.jobs.staging import Workspace, overwriting
from tests.local.harness import LocalCluster, wait_for

# Leaves something in each of its folders, also a file that it did not make, and tells what it finds there.
MESSY = """
find "$PWD" "$TMPDIR" -mindepth 1 | grep -v -e '/tmp/tmp[^/]*$' -e "$INPUT_FILE_PATH"
touch here "$TMPDIR"/../beside "$TMP_INPUT_DIR"/.hidden
ln -s / "$TMP_OUTPUT_DIR"/link
"""


@pytest.fixture
def spare(tmp_path: Path) -> Iterator[SpareWorkspaces]:
    remover = FolderRemover(tmp_path)
    yield SpareWorkspaces(tmp_path, remover)
    remover.stop(30)


def _use(workspace: Workspace, name: str = "input") -> None:
    with overwriting(workspace.script) as script:
        script.write(b"true\n")
    with workspace.new_input(f"{workspace.input}/{name}") as file:
        file.write(name.encode())
    (workspace.scratch / "left").write_text("by the script")
    (workspace.output / "link").symlink_to("/")


def _numbers(workspace: Workspace, name: str) -> tuple[int, int, int]:
    paths = (workspace.root, Path(workspace.script), workspace.input / name)
    root, script, given = (path.stat().st_ino for path in paths)
    return root, script, given


def test_a_workspace_is_emptied_and_used_again(spare: SpareWorkspaces) -> None:
    with spare.lent() as first:
        folders = {first.temporary, first.input, first.output, first.scratch}
        assert set(first.root.rglob("*")) == folders
        assert first.input != first.output
        _use(first, "a longer name")
        numbers = _numbers(first, "a longer name")
    with spare.lent() as second, spare.lent() as third:
        assert second == first
        assert third.root != first.root
        # Not even a run without an input finds the one of the run before in its folder.
        assert set(second.root.rglob("*")) - folders == {Path(second.script), Path(second.spare_input)}
        _use(second, "short")
        assert _numbers(second, "short") == numbers
        assert (second.input / "short").read_text() == "short"
        assert not Path(second.spare_input).exists()


def _other_mode(path: Path, _outside: Path) -> None:
    path.chmod(0o400)


def _second_name(path: Path, outside: Path) -> None:
    (outside / path.name).hardlink_to(path)


def _link(path: Path, outside: Path) -> None:
    path.unlink()
    path.symlink_to(outside / "file")


def _large(path: Path, _outside: Path) -> None:
    path.write_bytes(b"x" * (MAX_SPARE_BYTES + 1))


@pytest.mark.parametrize("change", [_other_mode, _second_name, _link, _large])
def test_a_file_that_was_changed_is_not_written_again(
    tmp_path: Path, spare: SpareWorkspaces, change: Callable[[Path, Path], None]
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("of somebody")
    with spare.lent() as first:
        _use(first)
        numbers = _numbers(first, "input")
        for path in (Path(first.script), first.input / "input"):
            change(path, outside)
        contents = {path: path.read_bytes() for path in outside.iterdir()}
    with spare.lent() as second:
        assert second == first
        assert not Path(second.script).exists()
        assert not Path(second.spare_input).exists()
        _use(second)
        assert _numbers(second, "input")[0] == numbers[0]
        assert {path: path.read_bytes() for path in outside.iterdir()} == contents
        assert (second.input / "input").stat().st_mode == Path(second.script).stat().st_mode
    with spare.lent() as third:
        assert Path(third.spare_input).read_text() == "input"


def test_a_file_of_a_download_that_failed_has_nothing_of_another_one(spare: SpareWorkspaces) -> None:
    with spare.lent() as first:
        _use(first, "a longer name")
    with suppress(RunCancelled), spare.lent() as second, second.new_input(f"{second.input}/short") as file:
        file.write(b"half")
        raise RunCancelled
    with spare.lent() as third:
        assert Path(third.spare_input).read_bytes() == b"half"


def _add_folder(workspace: Workspace) -> None:
    (workspace.scratch / "folder").mkdir()


def _add_file(workspace: Workspace) -> None:
    (workspace.root / "file").touch()


def _add_temporary_folder(workspace: Workspace) -> None:
    (workspace.temporary / "another").mkdir()


def _replace_folder(workspace: Workspace) -> None:
    workspace.output.rmdir()
    workspace.output.symlink_to(workspace.scratch)


def _open_folder(workspace: Workspace) -> None:
    workspace.scratch.chmod(0o777)


def _add_many(workspace: Workspace) -> None:
    for number in range(MAX_FILES + 1):
        (workspace.scratch / str(number)).touch()


@pytest.mark.parametrize(
    "change", [_add_folder, _add_file, _add_temporary_folder, _replace_folder, _open_folder, _add_many]
)
def test_one_that_was_changed_is_removed(
    tmp_path: Path, spare: SpareWorkspaces, change: Callable[[Workspace], None]
) -> None:
    outside = tmp_path / "outside"
    outside.touch()
    with spare.lent() as first:
        change(first)
    assert not first.root.exists()
    with spare.lent() as second:
        assert second.root != first.root
    wait_for(lambda: not any((tmp_path / ".removed").iterdir()), "the removal")
    assert outside.exists()


def test_one_that_a_script_has_removed_is_no_trouble(tmp_path: Path, spare: SpareWorkspaces) -> None:
    with spare.lent() as workspace:
        remove_tree(workspace.root)
    spare.close()
    assert [path.name for path in tmp_path.rglob("*") if path.name != ".removed"] == [".workspaces"]


def test_many_folders_are_removed_together_whatever_their_modes(tmp_path: Path) -> None:
    remover = FolderRemover(tmp_path)
    folders = [tmp_path / str(number) for number in range(12)]
    for folder in folders:
        (folder / "closed").mkdir(parents=True)
        (folder / "closed" / "file").touch()
        (folder / "closed").chmod(0o000)
        remover.remove(folder)
        assert not folder.exists()
    remover.stop(30)
    assert list((tmp_path / ".removed").iterdir()) == []


def test_no_job_finds_what_another_one_has_left(cluster: LocalCluster) -> None:
    cluster.create("messy", MESSY)
    for number in range(4):
        cluster.upload("messy", f"in/{number}")
    assert {state["status"] for state in cluster.ended("messy", 4).values()} == {"Succeeded"}
    for name in cluster.ended("messy", 4):
        assert cluster.log("messy", name).rpartition("Creating response\n")[2].strip() == ""
