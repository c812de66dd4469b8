"""Remote paths at Tab: buckets, then one level of folders after the other, of a real local cluster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Runner
from tests.local.harness import LocalCluster, open_cluster
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY, local_server
from tests.support.shells import SETUPS, Shell, completing_shell

PATIENT = {"OSCAR_CLI_COMPLETION_SECONDS": "60"}
BUCKET = "pose-bucket"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A local cluster with a service that runs nothing, and objects of all kinds of names."""
    cluster = open_cluster(tmp_path_factory.mktemp("paths") / "data")
    cluster.create("pose", input=[])
    for key in ("photo.png", "deep/er.txt", "deep/est.txt", "a b.txt", "$(id)", "-rf"):
        cluster.s3.put_object(Bucket=BUCKET, Key=f"out/{key}", Body=b"x")
    cluster.s3.put_object(Bucket=BUCKET, Key="top.txt", Body=b"x")
    cluster.s3.create_bucket(Bucket="odd")
    for key in ("-rf", "plain"):
        cluster.s3.put_object(Bucket="odd", Key=key, Body=b"x")
    yield cluster
    cluster.close()


@pytest.fixture
def known(run: Runner, local: LocalCluster) -> Runner:
    local.become_known(run)
    return run


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("service get-file pose ", ["minio.default", "odd/", f"{BUCKET}/", ":nospace"]),
        (f"service get-file pose {BUCKET}/", [f"{BUCKET}/out/", f"{BUCKET}/top.txt", ":nospace"]),
        (f"service list-files pose minio {BUCKET}/o", [f"{BUCKET}/out/", ":nospace"]),
        (f"service get-file pose {BUCKET}/out/p", [f"{BUCKET}/out/photo.png", ":"]),
        (
            f"service delete-file pose minio.default {BUCKET}/out/deep/",
            [f"{BUCKET}/out/deep/er.txt", f"{BUCKET}/out/deep/est.txt", ":"],
        ),
        (f"service get-file pose {BUCKET}/nowhere/", [":"]),
        ("service get-file pose no-bucket/", [":"]),
        ("service sync po", ["pose:", ":folders nospace"]),
        ("service sync pose:p", [f"pose:{BUCKET}/", ":nospace"]),
        (f"service sync . pose:{BUCKET}/out/d", [f"pose:{BUCKET}/out/deep/", ":nospace"]),
        ("bucket sync pose", [f"{BUCKET}:", ":folders nospace"]),
        (f"bucket sync {BUCKET}:out/d", [f"{BUCKET}:out/deep/", ":nospace"]),
        (f"bucket get-file {BUCKET} ", ["out/", "top.txt", ":nospace"]),
        (f"bucket get-file {BUCKET} out/deep/er", ["out/deep/er.txt", ":"]),
        (f"bucket delete-file {BUCKET} t", ["top.txt", ":"]),
        (f"bucket presign {BUCKET} t", ["top.txt", ":"]),
    ],
)
def test_a_path_goes_on_level_by_level(known: Runner, line: str, words: list[str]) -> None:
    *before, current = line.split(" ")
    result = known("__completeNoDesc", *before, current, env=PATIENT)
    assert (result.code, result.err, result.out.splitlines()) == (0, "", words)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("service get-file elsewhere minio.other ", ["elsewhere-there/", ":nospace"]),
        ("service get-file elsewhere minio.other elsewhere-there/o", ["elsewhere-there/out/", ":nospace"]),
        ("service sync elsewhere:", ["elsewhere:elsewhere-there/", ":nospace"]),
        ("service sync elsewhere:elsewhere-there/o", ["elsewhere:elsewhere-there/out/", ":nospace"]),
        # The input is at the cluster's own store.
        ("service sync . elsewhere:o", ["elsewhere:odd/", ":nospace"]),
        ("service sync elsewhere: . --provider ", ["minio.default", "minio.other", ":"]),
    ],
)
def test_a_path_is_looked_for_where_the_service_stores(
    known: Runner, local: LocalCluster, tmp_path_factory: pytest.TempPathFactory, line: str, words: list[str]
) -> None:
    with local_server(tmp_path_factory.mktemp("other")) as store:
        other = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "region": "us-east-1"}
        providers = {"minio": {"other": {"endpoint": store.endpoint, "verify": True, **other}}}
        output = [{"storage_provider": "minio.other", "path": "elsewhere-there/out"}]
        local.create("elsewhere", output=output, storage_providers=providers)
        *before, current = line.split(" ")
        result = known("__completeNoDesc", *before, current, env=PATIENT)
        assert local.api.delete("/system/services/elsewhere").status_code == 204
    assert (result.code, result.err, result.out.splitlines()) == (0, "", words)


def test_names_that_could_mean_something_to_a_shell_are_left_out(known: Runner) -> None:
    words = ("service", "get-file", "pose", f"{BUCKET}/out/")
    assert known("__completeNoDesc", *words, env=PATIENT).out.splitlines() == [
        f"{BUCKET}/out/-rf", f"{BUCKET}/out/a b.txt", f"{BUCKET}/out/deep/", f"{BUCKET}/out/photo.png",
        ":nospace",
    ]  # fmt: skip
    # Alone it would be an option.
    top = known("__completeNoDesc", "bucket", "get-file", "odd", "", env=PATIENT).out
    assert top.splitlines() == ["plain", ":"]


@pytest.mark.thorough
def test_among_more_names_than_one_answer_has_those_that_begin_as_typed_are_found(known: Runner) -> None:
    assert known("bucket", "create", "many").code == 0
    folder = known.home / "many"
    folder.mkdir()
    for number in range(1001):
        (folder / f"a{number:04}").write_bytes(b"")
    (folder / "zebra").write_bytes(b"")
    assert known("bucket", "sync", folder, "many:").code == 0
    assert known("__completeNoDesc", "bucket", "get-file", "many", "z", env=PATIENT).out == "zebra\n:\n"


@pytest.fixture(params=SETUPS)
def shell(request: pytest.FixtureRequest, known: Runner) -> Iterator[Shell]:
    """A real shell with completion loaded."""
    with completing_shell(request.param, known, PATIENT) as started:
        yield started


@pytest.mark.thorough
def test_a_person_presses_tab_at_a_path(shell: Shell) -> None:
    shell.tab("oscar-cli service get-file pose pose", f"get-file pose {BUCKET}/")
    shell.tab(f"oscar-cli service get-file pose {BUCKET}/o", f"{BUCKET}/out/")
    shell.tab(f"oscar-cli service get-file pose {BUCKET}/out/p", f"{BUCKET}/out/photo.png ")
    shell.tab(f"oscar-cli service get-file pose {BUCKET}/out/a", "out/a\\ b.txt ")
    shell.tab(f"oscar-cli service sync pose:{BUCKET}/out/d", f"sync pose:{BUCKET}/out/deep/")
    shell.tab(f"oscar-cli bucket sync {BUCKET}:t", f"sync {BUCKET}:top.txt ")
