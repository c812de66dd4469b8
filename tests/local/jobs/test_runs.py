"""Whole runs, from the upload to the stored result: what the scripts of the field rely on."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from oscarcli.local.connections import connect_from_outside
from oscarcli.local.objects.model import EventSource
from tests.local.harness import LocalCluster, wait_for

COUNT_WORDS = """#!/bin/sh
name=$(basename "$INPUT_FILE_PATH" | cut -d. -f1)
{
    cat "$INPUT_FILE_PATH"
    echo "words: $(wc -w < "$INPUT_FILE_PATH" | tr -d ' ')"
} > "$TMP_OUTPUT_DIR/$name-out.txt"
echo "counted $name"
"""


def test_an_upload_becomes_a_stored_result(cluster: LocalCluster) -> None:
    cluster.create("count", COUNT_WORDS)
    cluster.upload("count", "in/poem.txt", b"one two three\n")
    ((job, state),) = cluster.ended("count").items()
    assert state["status"] == "Succeeded"
    assert cluster.content("count-bucket", "out/poem-out.txt") == b"one two three\nwords: 3\n"
    assert job.startswith("count-")
    assert cluster.script_output("count").startswith("counted poem\n")


def test_what_differs_is_said_by_the_first_job_of_each_revision(cluster: LocalCluster) -> None:
    name = "tells"
    cluster.create(name, "true\n")
    said = []
    for number in range(6):
        if number == 3:
            document = cluster.api.get(f"/system/services/{name}").json()
            assert cluster.api.put("/system/services", json=document).status_code == 204
        if number == 5:
            assert cluster.api.delete(f"/system/services/{name}").status_code == 204
            cluster.create(name, "true\n")
        job = f"{name}-{number}"
        cluster.submit(name, job=job)
        cluster.ended(name, number % 5 + 1)
        said.append("with your rights" in cluster.log(name, job))
    assert said == [True, False, False, True, False, True]


def test_the_log_has_the_supervisors_lines_first_and_the_scripts_last(cluster: LocalCluster) -> None:
    cluster.create("order", 'echo said; echo x > "$TMP_OUTPUT_DIR/x"\n')
    cluster.upload("order", "in/a")
    log = cluster.only_log("order")
    spoken = [line.split(" - ", 3)[3] for line in log.splitlines() if " - supervisor - INFO - " in line]
    assert spoken[1].startswith("event_records = {'eventVersion': '2.0', 'eventSource': 'minio:s3', ")
    assert [re.sub("'/.*'", "PATH", line) for line in spoken[:1] + spoken[2:]] == [
        "Storage event found.",
        "MINIO event created",
        "Reading storage configuration",
        "SUPERVISOR: Initializing Binary supervisor",
        "Found 'MINIO' input provider",
        "Downloading item from bucket 'order-bucket' with key 'in/a'",
        "Successful download of file 'in/a' from bucket 'order-bucket' in path PATH",
        "INPUT_FILE_PATH variable set to PATH",
        "Script file found in PATH",
        "Searching for files to upload in folder PATH",
        "Checking files for uploading to 'minio' on path: 'order-bucket/out'",
        "Uploading file 'out/x' to bucket 'order-bucket'",
        "Creating response",
    ]
    assert log.endswith("Creating response\nsaid\n\n")


def test_words_of_the_local_cluster_are_told_from_the_supervisors(cluster: LocalCluster) -> None:
    cluster.create("kind", "exit 3\n")
    cluster.submit("kind", rb'{"a":"b\tc"}')
    told = [
        line.split(" - ", 3)
        for line in cluster.only_log("kind").splitlines()
        if " - local cluster - " in line
    ]
    assert [level for _, _, level, _ in told] == ["WARNING"] * 3
    assert [words[:30] for *_, words in told] == [
        "the local cluster runs the scr",
        "a real cluster hands a job's p",
        "the script ended with exit cod",
    ]


def test_what_a_script_printed_before_its_job_failed_is_shown_and_that_this_is_kind(
    cluster: LocalCluster,
) -> None:
    cluster.create("late", 'echo said; ln -s nowhere "$TMP_OUTPUT_DIR/link"\n')
    cluster.upload("late", "in/a")
    lines = cluster.only_log("late").splitlines()
    assert lines[-2] == "said"
    assert lines[-1].endswith(
        " - local cluster - WARNING - on a real cluster, what a script printed is lost with a job that fails "
        "after it"
    )
    ((_, state),) = cluster.ended("late").items()
    assert state["status"] == "Failed"
    assert "No such file or directory" in state["reason"]


def test_a_script_that_ends_with_an_error_still_succeeds_and_its_code_is_told(cluster: LocalCluster) -> None:
    cluster.create("fails", 'echo part > "$TMP_OUTPUT_DIR/part"; exit 7\n')
    cluster.upload("fails", "in/a")
    ((job, state),) = cluster.ended("fails").items()
    assert (state["status"], state["exit_code"]) == ("Succeeded", 7)
    assert "WARNING - the script ended with exit code 7" in cluster.log("fails", job).splitlines()[-1]
    assert cluster.content("fails-bucket", "out/part") == b"part\n"


def test_the_script_is_run_by_sh_whatever_its_first_line_says(cluster: LocalCluster) -> None:
    cluster.create("piped", '#!/bin/bash\nset -euo pipefail\necho $0 > "$TMP_OUTPUT_DIR/never"\n')
    cluster.upload("piped", "in/a")
    (state,) = cluster.ended("piped").values()
    assert state["status"] == "Succeeded"
    if state.get("exit_code"):  # dash: it stops at the second line, as on Debian's images
        assert "out/never" not in cluster.keys("piped-bucket")
    assert "set -o pipefail may not work in every image" in cluster.only_log("piped")


def test_the_lines_of_a_running_script_can_be_read_whole(cluster: LocalCluster, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    cluster.create(
        "live", f'echo begun; printf half; while [ ! -e "{gate}" ]; do sleep 0.02; done; echo done\n'
    )
    cluster.submit("live", job="live-1")
    wait_for(lambda: "begun" in cluster.log("live", "live-1"), "the first line")
    assert cluster.jobs("live")["live-1"]["status"] == "Running"
    assert cluster.log("live", "live-1").endswith("begun\n")
    gate.touch()
    cluster.ended("live")
    assert cluster.log("live", "live-1").endswith("begun\nhalfdone\n\n")


def test_two_services_are_chained_by_their_folders(cluster: LocalCluster) -> None:
    shared = {"storage_provider": "minio", "path": "chain-first-bucket/between"}
    cluster.create("chain-first", COUNT_WORDS, output=[shared])
    cluster.create("chain-second", 'cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR"\n', input=[shared])
    cluster.upload("chain-first", "in/a.txt", b"x y")
    cluster.ended("chain-second")
    assert cluster.content("chain-second-bucket", "out/a-out.txt") == b"x ywords: 2\n"


def test_folders_of_results_become_segments_of_keys(cluster: LocalCluster) -> None:
    cluster.create(
        "nested",
        'cd "$TMP_OUTPUT_DIR"; mkdir -p n1/n2 empty; echo d > n1/n2/f.dat; echo d > .dot\n'
        'echo sp > " sp "; ln -s n1/n2/f.dat link; ln -s n1 folder; mkfifo pipe\n',
    )
    cluster.upload("nested", "in/a")
    cluster.ended("nested")
    assert [key for key in cluster.keys("nested-bucket") if key.startswith("out/")] == [
        "out/",
        "out/ sp ",
        "out/.dot",
        "out/link",
        "out/n1/n2/f.dat",
    ]
    assert "pipe is no file and passed over; on a real cluster it holds or ends the job" in (
        cluster.only_log("nested")
    )


def test_each_output_takes_what_its_prefix_and_suffix_admit(cluster: LocalCluster) -> None:
    def output(folder: str, **filters: list[str]) -> dict[str, object]:
        return {"storage_provider": "minio.default", "path": f"filters-bucket/{folder}", **filters}

    cluster.create(
        "filters",
        'cd "$TMP_OUTPUT_DIR"; mkdir sub; touch a.txt b.png sub/c.jpg sub/a.txt\n',
        output=[
            output("text", suffix=["txt"]),
            output("a", prefix=["a"]),
            output("pictures", suffix=[".png", ".jpg"]),
            output("sub", prefix=["sub/c"], suffix=["jpg"]),
            output("none", prefix=["c"]),
        ],
    )
    cluster.upload("filters", "in/x")
    cluster.ended("filters")
    stored = [key for key in cluster.keys("filters-bucket") if not key.endswith("/") and key != "in/x"]
    assert stored == [
        "a/a.txt",
        "pictures/b.png",
        "pictures/sub/c.jpg",
        "sub/sub/c.jpg",
        "text/a.txt",
        "text/sub/a.txt",
    ]


def test_a_key_below_a_subfolder_starts_the_service_and_only_the_name_is_kept(cluster: LocalCluster) -> None:
    cluster.create("deep", 'basename "$INPUT_FILE_PATH"; echo "$STORAGE_OBJECT_KEY"; ls "$TMP_INPUT_DIR"\n')
    cluster.upload("deep", "in/with blank/ü +%.txt")
    assert cluster.script_output("deep") == "ü +%.txt\nin/with blank/ü +%.txt\nü +%.txt\n\n"


def test_other_keys_and_folder_markers_start_nothing(cluster: LocalCluster) -> None:
    cluster.create("quiet")
    for key in ("in", "input/x", "In/x", "other/in/x", "in/", "in/sub/"):
        cluster.upload("quiet", key, b"")
    assert cluster.jobs("quiet") == {}


def test_every_variable_of_the_contract_reaches_the_script(cluster: LocalCluster) -> None:
    cluster.create(
        "vars",
        "env\n",
        environment={"variables": {"A": "1", "OSCAR_SERVICE_NAME": "mine"}, "secrets": {"A": "2", "S": "s"}},
    )
    cluster.upload("vars", "in/x", b"")
    ((job, _),) = cluster.ended("vars").items()
    seen = dict(line.split("=", 1) for line in cluster.script_output("vars").splitlines() if "=" in line)
    expected = {
        "A": "1",
        "S": "s",
        "OSCAR_SERVICE_NAME": "vars",
        "OSCAR_SERVICE_TOKEN": cluster.token("vars"),
        "OSCAR_SERVICE_BASE_PATH": "",
        "JOB_UUID": job,
        "STORAGE_OBJECT_KEY": "in/x",
        "max_inflight": "1",
        "write_debug": "true",
        "exec_timeout": "0",
        "read_timeout": "300",
        "write_timeout": "300",
        "healthcheck_interval": "5",
    }
    assert {name: seen.get(name) for name in expected} == expected
    assert {"PATH", "HOME", "LANG", "TMPDIR", "TMP_INPUT_DIR", "TMP_OUTPUT_DIR", "EVENT_TIME"} <= set(seen)
    known = {*expected, "PATH", "HOME", "LANG", "TMPDIR", "TMP_INPUT_DIR", "TMP_OUTPUT_DIR", "EVENT_TIME"}
    known |= {"EVENT", "INPUT_FILE_PATH", "RESOURCE_ID", "fprocess", "PWD", "OLDPWD", "SHLVL", "_"}
    assert set(seen) <= known, "nothing of the server's own environment gets in"


def test_the_event_is_minios(cluster: LocalCluster) -> None:
    cluster.create("event", 'printf %s "$EVENT" > "$TMP_OUTPUT_DIR/event"\n')
    cluster.s3.put_object(
        Bucket="event-bucket", Key="in/a b.txt", Body=b"12345", ContentType="text/x", Metadata={"who": "me"}
    )
    cluster.ended("event")
    event = json.loads(cluster.content("event-bucket", "out/event"))
    record = event["Records"][0]
    assert list(event) == ["EventName", "Key", "Records"]
    assert (event["EventName"], event["Key"]) == ("s3:ObjectCreated:Put", "event-bucket/in/a b.txt")
    assert list(record) == [
        "eventVersion",
        "eventSource",
        "awsRegion",
        "eventTime",
        "eventName",
        "userIdentity",
        "requestParameters",
        "responseElements",
        "s3",
        "source",
    ]
    stored = record["s3"]["object"]
    assert list(stored) == ["key", "size", "eTag", "contentType", "userMetadata", "sequencer"]
    assert (stored["key"], stored["size"], stored["contentType"]) == ("in%2Fa+b.txt", 5, "text/x")
    assert stored["userMetadata"] == {"X-Amz-Meta-Who": "me", "content-type": "text/x"}
    assert record["requestParameters"]["sourceIPAddress"] == "127.0.0.1"
    assert record["userIdentity"]["principalId"] == cluster.server.cluster.settings.access_key


def test_each_event_of_a_client_is_about_its_own_object(cluster: LocalCluster) -> None:
    cluster.create("own", "true\n")
    inner = cluster.server.cluster
    source = EventSource("localadmin", "10.0.0.1", '100%s "agent"')
    stored = [
        inner.store.put("own-bucket", key, io.BytesIO(key.encode()), "text/%d", {"m": "%s"}, source)
        for key in ("in/first", "in/100%s")
    ]
    rows = inner.state.read().execute("SELECT body FROM events WHERE bucket = 'own-bucket' ORDER BY id")
    events = [json.loads(row["body"]) for row in rows]
    assert [event["Key"] for event in events] == ["own-bucket/in/first", "own-bucket/in/100%s"]
    records = [event["Records"][0] for event in events]
    assert {record["source"]["userAgent"] for record in records} == {'100%s "agent"'}
    assert [record["responseElements"]["x-amz-request-id"] for record in records] == [
        f"{one.modified_ns:X}" for one in stored
    ]
    assert [record["s3"]["object"] for record in records] == [
        {
            "key": key,
            "size": one.size,
            "eTag": one.etag,
            "contentType": "text/%d",
            "userMetadata": {"X-Amz-Meta-M": "%s", "content-type": "text/%d"},
            "sequencer": f"{one.modified_ns:016X}",
        }
        for key, one in zip(("in%2Ffirst", "in%2F100%25s"), stored, strict=True)
    ]


def test_copies_forms_and_multipart_uploads_start_the_service_once(cluster: LocalCluster) -> None:
    cluster.create("ways", 'printf %s "$EVENT"\n')
    part = {"Bucket": "ways-bucket", "Key": "in/big"}
    upload = cluster.s3.create_multipart_upload(**part)["UploadId"]
    tag = cluster.s3.upload_part(**part, UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
    cluster.s3.complete_multipart_upload(**part, UploadId=upload, MultipartUpload=parts)
    cluster.s3.copy_object(Bucket="ways-bucket", Key="in/copy", CopySource=part)
    form = cluster.s3.generate_presigned_post("ways-bucket", "in/${filename}")
    file = {"file": ("from a browser.txt", b"x")}
    # The page with the form has a host of its own; the signed policy is what lets it in.
    page = {"Origin": "https://page.example"}
    sent = httpx.post(
        form["url"], data=form["fields"], files=file, headers=page, trust_env=False, verify=False
    )
    assert sent.status_code == 204
    jobs = cluster.ended("ways", 3)
    logs = "".join(cluster.log("ways", job) for job in jobs)
    assert len(jobs) == 3
    assert (
        logs.count('{"EventName": "s3:ObjectCreated:Post", "Key": "ways-bucket/in/from a browser.txt"') == 1
    )
    assert logs.count('{"EventName": "s3:ObjectCreated:CompleteMultipartUpload"') == 1
    assert logs.count('{"EventName": "s3:ObjectCreated:Copy"') == 1


def test_an_upload_starts_every_service_that_watches_the_folder(cluster: LocalCluster) -> None:
    shared = [{"storage_provider": "minio", "path": "fans-bucket/in"}]
    cluster.create("fans", output=[])
    cluster.create("fans-too", input=shared, output=[])
    cluster.create("fans-below", input=[{"storage_provider": "minio", "path": "fans-bucket/in/x"}], output=[])
    cluster.upload("fans", "in/x/y")
    assert [len(cluster.ended(name)) for name in ("fans", "fans-too", "fans-below")] == [1, 1, 1]


def test_an_update_does_not_change_what_is_queued(cluster: LocalCluster, tmp_path: Path) -> None:
    cluster.create("snap", f'echo old; while [ ! -e "{tmp_path}/gate" ]; do sleep 0.02; done\n')
    for number in range(6):
        cluster.submit("snap", job=f"snap-{number}")
    definition = cluster.api.get("/system/services/snap").json()
    assert cluster.api.put("/system/services", json=definition | {"script": "echo new\n"}).status_code == 204
    (tmp_path / "gate").touch()
    assert all("old\n" in cluster.log("snap", job) for job in cluster.ended("snap", 6))


def test_a_result_that_cannot_be_stored_fails_the_job_and_says_so(cluster: LocalCluster) -> None:
    other = [{"storage_provider": "minio", "path": "gone-other/out"}]
    cluster.create("gone", 'echo kept > "$TMP_OUTPUT_DIR/x"\n', output=other)
    cluster.s3.delete_object(Bucket="gone-other", Key="out/")
    cluster.s3.delete_bucket(Bucket="gone-other")
    cluster.upload("gone", "in/a")
    ((job, state),) = cluster.ended("gone").items()
    log = cluster.log("gone", job)
    assert state["status"] == "Failed"
    assert "NoSuchBucket" in state["reason"]
    assert (
        " - supervisor - ERROR - An error occurred (NoSuchBucket) when calling the PutObject operation: The "
        "specified bucket does not exist\n"
        "There was an exception in _parse_output\nThe specified bucket does not exist\n"
    ) in log


def test_an_object_that_is_gone_fails_the_job_before_the_script(cluster: LocalCluster) -> None:
    cluster.create("lost", "echo never\n")
    cluster.create("lost-source", 'printf %s "$EVENT" > "$TMP_OUTPUT_DIR/event"\n')
    cluster.upload("lost-source", "in/a")
    cluster.ended("lost-source")
    cluster.s3.delete_object(Bucket="lost-source-bucket", Key="in/a")
    cluster.submit("lost", cluster.content("lost-source-bucket", "out/event"))
    ((job, state),) = cluster.ended("lost").items()
    assert state["status"] == "Failed"
    assert (
        " - supervisor - ERROR - An error occurred (404) when calling the HeadObject operation: Not Found\n"
        "There was an exception in _parse_input\nNot Found\n"
    ) in cluster.log("lost", job)
    assert "never" not in cluster.log("lost", job)


def test_stage_in_can_be_switched_off(cluster: LocalCluster) -> None:
    cluster.create("nofile", 'echo "${INPUT_FILE_PATH-unset} $STORAGE_OBJECT_KEY"\n', file_stage_in=True)
    cluster.upload("nofile", "in/a")
    assert cluster.script_output("nofile").startswith("unset in/a\n")


def test_the_log_level_decides_which_lines_there_are(cluster: LocalCluster) -> None:
    cluster.create("critical", "echo only\n", log_level="critical")
    cluster.create("debug", "echo twice\n", environment={"variables": {"LOG_LEVEL": "DEBUG"}})
    for name in ("critical", "debug"):
        cluster.upload(name, "in/a")
    lines = cluster.only_log("critical").splitlines()
    assert [line for line in lines if " - local cluster - WARNING" not in line] == ["only", ""]
    assert cluster.only_log("debug").count("twice") == 2


def test_odd_output_is_decoded_leniently_and_both_streams_keep_their_order(cluster: LocalCluster) -> None:
    cluster.create("bytes", r"printf 'a\377b\n'; echo err >&2; printf 'ü\n'; printf 'no end'")
    cluster.upload("bytes", "in/a")
    assert cluster.script_output("bytes") == "ab\nerr\nü\nno end\n"


def test_a_payload_that_is_no_event_becomes_the_input_file(cluster: LocalCluster) -> None:
    cluster.create(
        "raw", 'basename "$INPUT_FILE_PATH" | cut -c1-11; cat "$INPUT_FILE_PATH"; echo "<$EVENT>"\n'
    )
    cluster.submit("raw", base64.b64encode(b"some text\n"))
    assert cluster.script_output("raw") == "event-file-\nsome text\n<c29tZSB0ZXh0Cg==>\n\n"


@pytest.mark.parametrize("files", [1, 2])
def test_results_of_a_raw_payload_are_the_jobs_answer_too(cluster: LocalCluster, files: int) -> None:
    name = f"answer{files}"
    names = ["only"] if files == 1 else ["n1/first", "second"]
    script = "".join(
        f'mkdir -p "$(dirname "$TMP_OUTPUT_DIR/{path}")"; echo {path} > "$TMP_OUTPUT_DIR/{path}"\n'
        for path in names
    )
    cluster.create(name, f"echo lost\n{script}")
    cluster.submit(name)
    answer = base64.b64decode(cluster.script_output(name))
    if files == 1:
        assert answer == b"only\n"
        return
    with zipfile.ZipFile(io.BytesIO(answer)) as archive:
        assert sorted(archive.namelist()) == names
        assert {item.compress_type for item in archive.infolist()} == {zipfile.ZIP_STORED}
        assert archive.read("n1/first") == b"n1/first\n"


def test_the_first_job_of_each_revision_says_what_differs_here(cluster: LocalCluster) -> None:
    cluster.create("said", "true\n", image="some/image:1")
    difference = "the image some/image:1 and the limits of memory and cpu are not used"
    for number in range(2):
        cluster.submit("said", job=f"said-{number}")
        cluster.ended("said", number + 1)
    definition = cluster.api.get("/system/services/said").json()
    cluster.api.put("/system/services", json=definition)
    cluster.submit("said", job="said-2")
    cluster.ended("said", 3)
    assert [difference in cluster.log("said", f"said-{number}") for number in range(3)] == [True, False, True]


def test_a_service_that_wants_more_memory_than_there_is_fails_with_the_reason(cluster: LocalCluster) -> None:
    cluster.create("huge", "echo never\n", memory="900Ti")
    cluster.submit("huge")
    ((job, state),) = cluster.ended("huge").items()
    assert state["status"] == "Failed"
    assert "900Ti of memory" in state["reason"]
    assert "900Ti of memory" in cluster.log("huge", job)


def test_nothing_but_the_log_stays_of_a_job(cluster: LocalCluster) -> None:
    cluster.create(
        "tidy",
        'mkdir "$TMP_OUTPUT_DIR/locked"; echo x > "$TMP_OUTPUT_DIR/locked/x"; '
        'chmod 500 "$TMP_OUTPUT_DIR/locked"; pwd; ls; sleep 0.3\n',
    )
    cluster.upload("tidy", "in/a")
    ((job, _),) = cluster.ended("tidy").items()
    folder = cluster.folder.jobs / job
    wait_for(lambda: not (folder / "work").exists(), "the work folder to go")
    assert sorted(path.name for path in folder.iterdir()) == ["log", "log.times", "output", "output.times"]
    assert cluster.script_output("tidy").splitlines()[0].endswith("/scratch")


def test_a_log_is_in_the_database_or_in_files(cluster: LocalCluster) -> None:
    """Which of them depends on how quick the job was; with the job it goes from both."""
    cluster.create("brief", 'echo "said $JOB_UUID"\n')
    cluster.upload("brief", "in/a")
    cluster.upload("brief", "in/b")
    jobs = cluster.ended("brief", 2)
    rows = "SELECT name FROM job_logs JOIN jobs ON jobs.id = job WHERE service = 'brief'"
    orphans = "SELECT job FROM job_logs WHERE job NOT IN (SELECT id FROM jobs)"
    with closing(connect_from_outside(cluster.folder.database)) as database:
        stored = {name for (name,) in database.execute(rows)}
    in_files = {path.name for path in cluster.folder.jobs.iterdir()} & set(jobs)
    assert stored ^ in_files == stored | in_files == set(jobs)
    for job in jobs:
        log = cluster.log("brief", job)
        assert log.startswith("20")
        assert log.endswith(f"\nsaid {job}\n\n")
    assert cluster.api.delete("/system/logs/brief?all=true").status_code == 204
    with closing(connect_from_outside(cluster.folder.database)) as database:
        assert database.execute(rows).fetchall() == database.execute(orphans).fetchall() == []
    assert {path.name for path in cluster.folder.jobs.iterdir()} & set(jobs) == set()


def test_a_silent_script_is_no_reason_to_see_nothing(cluster: LocalCluster, tmp_path: Path) -> None:
    """The supervisor's lines show while it runs; of a job that began a moment ago there are none yet."""
    gate = tmp_path / "gate"
    cluster.create("silent", f'until [ -e "{gate}" ]; do sleep 0.02; done\n')
    cluster.upload("silent", "in/a")
    (job,) = wait_for(lambda: list(cluster.api.get("/system/logs/silent").json()["jobs"]), "the job")
    path = f"/system/logs/silent/{job}"
    wait_for(lambda: cluster.api.get(path).status_code == 200, "it to run")
    wait_for(lambda: "Script file found" in cluster.api.get(path).text, "its first lines")
    gate.touch()
    cluster.ended("silent")
    assert cluster.log("silent", job).count("Script file found") == 1


@pytest.mark.parametrize("name", ["../x", "/x", "sub/../../x"])
def test_an_event_of_dcache_cannot_name_a_place_of_this_machine(cluster: LocalCluster, name: str) -> None:
    service = f"away-{len(name)}"
    provider = {"hostname": "127.0.0.1:1", "login": "a", "password": "b"}
    cluster.create(
        service,
        input=[{"storage_provider": "webdav.dcache", "path": "in"}],
        storage_providers={"webdav": {"dcache": provider}},
    )
    cluster.submit(service, json.dumps({"event": {"name": name}, "subscription": "s"}).encode())
    ((job, state),) = cluster.ended(service).items()
    assert state["status"] == "Failed"
    words = f"the local cluster fetches no file to a place outside TMP_INPUT_DIR: '{name}'"
    assert words in cluster.log(service, job).splitlines()[-1]
