"""What every engine keeps of the contract of a job (`job-runtime` 1), asked of the real programs."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from oscarcli.local import control
from tests.local.engines.conftest import READ_ONLY, Create, Images
from tests.local.harness import LocalCluster, Process, wait_for, without_told_lines
from tests.support.images import write_archive


def output(cluster: LocalCluster, service: str, body: bytes = b"aGVsbG8=") -> str:
    """Run a job and return what its script printed."""
    cluster.submit(service, body)
    return cluster.script_output(service)


def test_a_script_runs_in_its_image(contained: LocalCluster, create: Create) -> None:
    service = create("cat /srv/greeting; pwd\n")
    assert output(contained, service).splitlines()[:2] == ["from the image", "/"]


def test_an_upload_becomes_a_stored_result(contained: LocalCluster, create: Create) -> None:
    service = create(
        'mkdir "$TMP_OUTPUT_DIR/deep"; tr a-z A-Z < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/deep/result.txt"\n'
    )
    contained.upload(service, "in/poem.txt", b"one two\n")
    ((job, state),) = contained.ended(service).items()
    assert state["status"] == "Succeeded", contained.log(service, job)
    assert contained.content(f"{service}-bucket", "out/deep/result.txt") == b"ONE TWO\n"


def test_the_same_definition_gives_the_same_bytes_as_on_the_host(
    contained: LocalCluster, cluster: LocalCluster, create: Create
) -> None:
    script = (
        'name=$(basename "$INPUT_FILE_PATH" .txt)\n'
        '{ sort "$INPUT_FILE_PATH"; wc -w < "$INPUT_FILE_PATH"; '
        'echo "$OSCAR_SERVICE_NAME"; echo "$STORAGE_OBJECT_KEY"; } > "$TMP_OUTPUT_DIR/$name.out"\n'
    )
    service = create(script)
    cluster.create(service, script)
    results = []
    for each in (contained, cluster):
        each.upload(service, "in/poem.txt", b"two\none\n")
        each.ended(service)
        results.append(each.content(f"{service}-bucket", "out/poem.out"))
    assert cluster.api.delete(f"/system/services/{service}").status_code == 204
    assert results == [f"one\ntwo\n2\n{service}\nin/poem.txt\n".encode()] * 2


def test_the_log_is_that_of_a_real_job(contained: LocalCluster, create: Create) -> None:
    service = create('echo said; echo wrong >&2; echo x > "$TMP_OUTPUT_DIR/x"\n')
    contained.upload(service, "in/a")
    log = contained.only_log(service)
    spoken = [line.split(" - ", 3)[3] for line in log.splitlines() if " - supervisor - INFO - " in line]
    shown = [re.sub("/tmp/tmp[a-z0-9_]{8}", "/tmp/RANDOM", line) for line in spoken[5:]]
    assert shown == [
        "Found 'MINIO' input provider",
        f"Downloading item from bucket '{service}-bucket' with key 'in/a'",
        f"Successful download of file 'in/a' from bucket '{service}-bucket' in path '/tmp/RANDOM/a'",
        "INPUT_FILE_PATH variable set to '/tmp/RANDOM/a'",
        "Script file found in '/oscar/config/script.sh'",
        "Searching for files to upload in folder '/tmp/RANDOM'",
        f"Checking files for uploading to 'minio' on path: '{service}-bucket/out'",
        f"Uploading file 'out/x' to bucket '{service}-bucket'",
        "Creating response",
    ]
    assert without_told_lines(log).startswith("said\nwrong\n")


def test_the_environment_is_that_of_a_real_job(contained: LocalCluster, create: Create) -> None:
    secret = {
        "variables": {"PLAIN": "a b\nc", "LD_LIBRARY_PATH": "/x", "HTTP_PROXY": "p"},
        "secrets": {"S": "%"},
    }
    service = create("env -0 | base64\n", environment=secret)
    contained.submit(service, b'{"a":   1}')
    printed = base64.b64decode(contained.script_output(service)).split(b"\0")
    found = dict(item.split(b"=", 1) for item in printed if item)
    assert found[b"PLAIN"] == b"a b\nc"
    assert (found[b"LD_LIBRARY_PATH"], found[b"HTTP_PROXY"], found[b"S"]) == (b"/x", b"p", b"%")
    assert found[b"OSCAR_SERVICE_NAME"] == service.encode()
    assert found[b"OSCAR_SERVICE_TOKEN"] == contained.token(service).encode()
    assert found[b"EVENT"] == b'{"a":   1}'
    assert found[b"JOB_UUID"].startswith(service.encode())
    assert found[b"PATH"] == b"/usr/bin:/bin"
    assert found[b"fprocess"] == b"/oscar/bin/supervisor"
    assert re.fullmatch(rb"/tmp/tmp[a-z0-9_]{8}/event-file-[0-9a-f-]{36}", found[b"INPUT_FILE_PATH"])
    assert not {b"TMPDIR", b"OSCAR_CLI_CONFIG", b"CONTAINERS_CONF"} & set(found)


def test_the_configuration_is_where_a_real_job_has_it(
    contained: LocalCluster, create: Create, engine: str
) -> None:
    service = create("cat /oscar/config/function_config.yaml; echo; echo x > /oscar/config/y\n")
    first, rest = output(contained, service).split("\n}", 1)
    document = json.loads(first + "\n}")
    assert (document["name"], document["script"]) == (service, "")
    # ch-run cannot bind without the right to write; it is the run's own copy.
    assert ("Read-only file system" in rest) == (engine in READ_ONLY)


@pytest.mark.parametrize(
    ("script", "code"), [("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143), ("no-such", 127)]
)
def test_the_exit_code_is_told_and_decides_nothing(
    contained: LocalCluster, create: Create, script: str, code: int
) -> None:
    service = create(f"{script}\n", name=f"exit{code}")
    contained.submit(service)
    ((job, state),) = contained.ended(service).items()
    assert state["status"] == "Succeeded"
    assert f"the script ended with exit code {code}" in contained.log(service, job)


def test_a_synchronous_run_is_in_the_image(contained: LocalCluster, create: Create) -> None:
    service = create("cat /srv/greeting\n", log_level="CRITICAL")
    answer = contained.call("POST", f"/run/{service}", content=b"", headers=contained.bearer(service))
    assert (answer.status_code, answer.text) == (200, "from the image\n\n")


def test_an_image_with_an_entry_point_of_its_own(
    contained: LocalCluster, create: Create, images: Images
) -> None:
    image = images.archive(
        "entry", Entrypoint=["/bin/echo", "not me"], WorkingDir="/srv", Env=["A=of the image"]
    )
    service = create('cat greeting; echo "$A"\n', image=image)
    assert output(contained, service).splitlines()[:2] == ["from the image", "of the image"]


def test_an_image_with_a_user_of_its_own(
    contained: LocalCluster, create: Create, images: Images, engine: str
) -> None:
    service = create(
        'mkdir -m 700 "$TMP_OUTPUT_DIR/d"; cat "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/d/x"\n'
        "id -u; touch /tmp/t && echo ok\n",
        image=images.archive("user", User="worker"),
    )
    contained.upload(service, "in/a", b"text")
    # Root's udocker cannot pretend to be somebody else, and Apptainer's scripts run as who started it.
    user = "1234"
    if engine in ("apptainer", "singularity") or (engine == "udocker" and os.geteuid() == 0):
        user = str(os.geteuid())
    assert contained.script_output(service).splitlines()[:2] == [user, "ok"]
    assert contained.content(f"{service}-bucket", "out/d/x") == b"text"
    (job,) = contained.jobs(service)
    assert not (contained.folder.jobs / job / "work").exists()


def test_an_image_without_a_shell_is_refused_with_the_reason(
    contained: LocalCluster, create: Create, images: Images
) -> None:
    service = create("true\n", image=images.archive("shellless", shell=False))
    path = f"/system/services/{service}/deployment"
    state = wait_for(lambda: (d := contained.api.get(path).json())["state"] == "failed" and d, "the failure")
    assert "its /bin/sh does not start" in state["reason"]
    contained.submit(service)
    ((job, found),) = contained.ended(service).items()
    assert found["status"] == "Failed"
    assert "its /bin/sh does not start" in contained.log(service, job)


def test_a_file_of_an_image_is_read_anew_when_another_takes_its_place(
    contained: LocalCluster, create: Create, tmp_path: Path
) -> None:
    # Longer than the names that udocker shows.
    path = tmp_path / f"{'long' * 30}.tar"
    for said in ("first", "second"):
        # Built anew, it is another image under the name of the first.
        write_archive(path, "localhost/test/replaced:1", files={"srv/greeting": said.encode()})
        if said == "first":
            service = create("cat /srv/greeting\n", image=f"docker-archive:{path}", log_level="CRITICAL")
        answer = contained.call("POST", f"/run/{service}", content=b"", headers=contained.bearer(service))
        assert (answer.status_code, answer.text) == (200, f"{said}\n")


def test_more_memory_than_allowed_ends_the_job(contained: LocalCluster, create: Create) -> None:
    service = create("echo begun; head -c 64m /dev/zero | tail -c 64m | wc -c; echo over\n", memory="16Mi")
    contained.submit(service)
    ((job, state),) = contained.ended(service).items()
    log = contained.log(service, job)
    if "no limits of memory and cpu" in log:
        assert state["status"] == "Succeeded"
    else:
        assert state["status"] == "Failed"
        assert "OOMKilled" in log


def test_the_deployment_shows_the_digest(contained: LocalCluster, create: Create, engine: str) -> None:
    service = create("true\n")
    path = f"/system/services/{service}/deployment"
    state = wait_for(lambda: (d := contained.api.get(path).json())["state"] != "pending" and d, "the image")
    assert (state["state"], state["engine"]) == ("ready", engine)
    assert re.fullmatch("sha256:[0-9a-f]{64}", state["digest"])


def test_the_version_of_the_engine_is_known(contained: LocalCluster, engine: str) -> None:
    found = contained.server.cluster.engines.default
    assert (found.name, bool(re.match(r"\d+\.\d+", found.version))) == (engine, True), found.version


def test_a_cancelled_job_leaves_nothing(contained: LocalCluster, create: Create) -> None:
    service = create("echo begun; sleep 4321 & sleep 4321\n")
    contained.submit(service)
    (job,) = wait_for(lambda: contained.jobs(service), "the job")
    wait_for(lambda: "begun" in contained.log(service, job), "the script")
    assert contained.api.delete(f"/system/logs/{service}/{job}").status_code == 204
    wait_for(lambda: not processes("sleep\0004321"), "the end of its processes")


def processes(words: str) -> list[int]:
    """Return the processes whose command line contains something."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                line = Path(f"/proc/{entry.name}/cmdline").read_bytes()
            except OSError:
                continue
            if words.encode() in line:
                found.append(int(entry.name))
    return found


def test_a_large_output_comes_through(contained: LocalCluster, create: Create) -> None:
    size = 1 << 30 if os.environ.get("OSCAR_TEST_LARGE_LOG") else 8 << 20
    service = create(f"yes 0123456789abcde | head -c {size}\n", log_level="CRITICAL")
    answer = contained.call("POST", f"/run/{service}", content=b"", headers=contained.bearer(service))
    assert (answer.status_code, len(answer.content)) == (200, size + 1)


def test_a_killed_server_leaves_no_container(engine: str, images: Images, tmp_path: Path) -> None:
    process = Process(tmp_path / "data")
    cluster = process.start(engine=engine)
    try:
        cluster.create("long", "echo begun; sleep 4322\n", image=images.archive("plain"), memory="64Mi")
        cluster.submit("long")
        (job,) = wait_for(lambda: cluster.jobs("long"), "the job")
        wait_for(lambda: "begun" in cluster.log("long", job), "the script")
        process.kill()
        cluster = process.start(engine=engine)
        assert cluster.jobs("long")[job]["status"] == "Failed"
        wait_for(lambda: not processes("sleep\0004322"), "the end of its processes")
        assert containers(engine) == []
    finally:
        process.disconnect()
        control.reset(process.folder)


def containers(engine: str) -> list[str]:
    """Return the containers that an engine knows of."""
    if engine not in ("podman", "docker"):
        return []
    done = subprocess.run([engine, "ps", "--all", "--quiet"], capture_output=True, text=True, check=True)
    return done.stdout.split()
