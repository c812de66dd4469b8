"""Mounts that something happens to at the very moment when the server is busy with them."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from oscarcli.local.jobs.mounts.mounts import Mounts
from tests.local.harness import LocalCluster

# Somebody opens the file for writing while the lease is there: the kernel tells its holder by a signal.
PROGRAM = """
import fcntl, os, sys
from oscarcli.local.jobs.mounts import tree

path, ask, opened = sys.argv[1], fcntl.fcntl, []

def disturbed(file, command, *rest):
    if command == fcntl.F_SETLEASE and rest == (fcntl.F_UNLCK,):
        try:
            os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except BlockingIOError:
            opened.append("refused")
    return ask(file, command, *rest)

tree.fcntl.fcntl = disturbed
with open(path, "rb") as file:
    print(tree.is_being_written(file), opened)
"""


@pytest.mark.skipif(not hasattr(fcntl, "F_SETLEASE"), reason="there are no leases here")
def test_a_file_that_is_opened_while_it_is_looked_at_does_not_end_the_server(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    words = [sys.executable, "-c", PROGRAM, str(path)]
    ended = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stdout) == (0, "False ['refused']\n"), ended.stderr


def test_a_folder_that_a_job_is_getting_is_not_removed(cluster: LocalCluster) -> None:
    cluster.create("mounter", "true\n", input=[], output=[])
    cluster.s3.create_bucket(Bucket="mounter-bucket")
    cluster.s3.put_object(Bucket="mounter-bucket", Key="file", Body=b"x")
    inner = cluster.server.cluster
    mounted = {"storage_provider": "minio.default", "path": "mounter-bucket"}
    definition = {**(inner.services.get("mounter") or {}), "mount": mounted}
    folder, account = cluster.folder.path / "own-mounts", inner.settings.access_key
    mounts = Mounts(inner.state, folder, inner.store, inner.accounts, lambda _: account)
    fetching, others = threading.Event(), []

    def disturb() -> None:
        if not fetching.is_set():
            fetching.set()
            others.append(threading.Thread(target=mounts.release_unused, args=([],)))
            others[0].start()
            others[0].join(0.3)

    visit = mounts.enter(definition, lambda level, text: None, disturb)
    assert visit is not None
    others[0].join()
    assert (visit.folder.root / "file").read_bytes() == b"x"
    visit.folder.leave(lambda level, text: None, visit.since)
    mounts.release_unused([])
    assert not visit.folder.root.exists()
