"""Workspaces are used again, but only when nothing of the run before is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oscarcli.local.jobs.removal import FolderRemover
from oscarcli.local.jobs.spare_workspaces import MAX_FILES, SpareWorkspaces
from oscarcli.local.jobs.staging import Workspace
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


def _use(workspace: Workspace) -> None:
    (workspace.root / "script.sh").write_text("true\n")
    (workspace.input / "input").write_bytes(b"x" * 1000)
    (workspace.scratch / "left").write_text("by the script")
    (workspace.output / "link").symlink_to("/")


def test_a_workspace_is_emptied_and_used_again(tmp_path: Path, spare: SpareWorkspaces) -> None:
    first = spare.take(tmp_path / "first")
    number = first.root.stat().st_ino
    _use(first)
    spare.give_back(first.root)
    assert not first.root.exists()
    second = spare.take(tmp_path / "second")
    assert (second.root, second.root.stat().st_ino) == (tmp_path / "second", number)
    folders = [second.temporary, second.input, second.output, second.scratch]
    assert sorted(second.root.rglob("*")) == sorted(folders)
    assert second.input != second.output
    assert spare.take(tmp_path / "third").root.stat().st_ino != number


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
    for number in range(MAX_FILES):
        (workspace.scratch / str(number)).touch()


@pytest.mark.parametrize(
    "change", [_add_folder, _add_file, _add_temporary_folder, _replace_folder, _open_folder, _add_many]
)
def test_one_that_was_changed_is_removed(
    tmp_path: Path, spare: SpareWorkspaces, change: Callable[[Workspace], None]
) -> None:
    workspace = spare.take(tmp_path / "first")
    number = workspace.root.stat().st_ino
    outside = tmp_path / "outside"
    outside.touch()
    change(workspace)
    spare.give_back(workspace.root)
    assert not workspace.root.exists()
    assert spare.take(tmp_path / "second").root.stat().st_ino != number
    wait_for(lambda: not any((tmp_path / ".removed").iterdir()), "the removal")
    assert outside.exists()


def test_what_was_never_made_is_no_trouble(tmp_path: Path, spare: SpareWorkspaces) -> None:
    spare.give_back(tmp_path / "nothing")
    spare.close()
    assert [path.name for path in tmp_path.rglob("*") if path.name != ".removed"] == []


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
