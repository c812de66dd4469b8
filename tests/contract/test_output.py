"""The keys of every command's JSON: scripts read them, so none may go or change its name unnoticed."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_group

from oscarcli.cli.commands import COMMANDS
from oscarcli.errors import ExitCode
from tests.local.harness import LocalCluster, open_cluster
from tests.support.command import Caller
from tests.support.github import GitHub
from tests.support.oidc import ScriptedProvider
from tests.support.server import Answer, ScriptedServer, document

FDL = """\
functions:
  oscar:
  - local:
      name: echo
      image: alpine:3
      script: script.sh
      log_level: CRITICAL
      input: [{storage_provider: minio.default, path: echo/in}]
      output: [{storage_provider: minio.default, path: echo/out}]
"""
SCRIPT = 'cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/result.txt"\n'
FILES = {
    "fdl.yaml": FDL,
    "changed.yaml": FDL.replace("alpine:3", "alpine:4"),
    "chain.yaml": FDL + FDL.partition("oscar:\n")[2].replace("echo/in", "echo/out").replace(
        "name: echo", "name: after"
    ),
    "told.yaml": FDL.replace("echo", "told").replace("CRITICAL", "INFO"),
    "script.sh": SCRIPT,
    "word.txt": "word",
}  # fmt: skip
# Maps whose keys are names of things, which differ from answer to answer.
KEYED_BY_NAME = ("jobs", "failed")

ACTION = "file services services[].action services[].cluster services[].outcome services[].service"
CHANGES = "services[].changes services[].not_compared"
REMOVAL = "deleted failed not_tried"
CHECKED = "files files[].file files[].mistakes files[].services files[].valid files[].warnings valid"
BUCKET = (
    "allowed_users attribution bucket_name is_truncated metadata objects owner returned_items storage_quota "
    "storage_usage visibility"
)
SERVICE = (
    "allowed_users alpine annotations bucket_list cluster_id cpu enable_gpu enable_sgx environment "
    "ephemeral_storage_request expose file_stage_in image image_prefetch input interlink_node_name "
    "isolation_level labels log_level memory mount name namespace output owner script storage_providers "
    "synchronous token total_cpu total_memory visibility vo volume_status"
)
VOLUME = "creation_mode name namespace owner_user pvc_name size status"
QUOTA = "minio resources user_id volumes"

# Of what this program makes every key is pinned; of the API's own documents, which it passes on, those at
# the top.
OURS, API = 9, 1


@dataclass(frozen=True)
class Step:
    """A command and the keys of its JSON.

    `a.b` is the key `b` of the mapping `a`, `a[].b` a key of each element of the list `a`, `a.*` any key.
    """

    words: str
    keys: str
    depth: int = OURS
    code: int = 0


# In this order, on one local cluster.
STEPS = (
    Step("version", "git_commit version"),
    Step("cluster list", "[].default [].endpoint [].id [].login [].ssl_verify"),
    Step("cluster default", "default"),
    Step("cluster secrets move --to file", "[].cluster [].error [].kept_in [].result [].secret"),
    Step(
        "auth status",
        "[].access_token_until [].cluster [].endpoint [].error [].kept_in [].login [].state [].until [].user",
    ),
    Step("cluster info", "architecture git_commit kubernetes_version serverless_backend version", API),
    Step("cluster status", "cluster minio oscar", API),
    Step("cluster config", "allowed_image_repositories config minio_provider", API),
    Step("health", "raw_body status"),
    Step(
        "doctor",
        "checks checks[].cause checks[].code checks[].finding checks[].name checks[].next checks[].outcome "
        "cluster ok",
    ),
    Step("init hello --dir made", "fdl script service"),
    Step(
        "validate fdl.yaml",
        f"{CHECKED} files[].services[].cluster files[].services[].line files[].services[].name",
    ),
    Step(
        "validate nothing.yaml",
        f"{CHECKED} files[].mistakes[].line files[].mistakes[].path files[].mistakes[].text",
        code=ExitCode.CONFIG,
    ),
    Step(
        "graph chain.yaml",
        "cycles edges edges[].from edges[].partly edges[].path edges[].to services services[].cluster "
        "services[].id services[].input services[].output services[].service",
    ),
    Step("apply fdl.yaml --dry-run", ACTION),
    Step("apply fdl.yaml", ACTION),
    Step("diff fdl.yaml", f"{ACTION} {CHANGES}"),
    Step(
        "diff changed.yaml",
        f"{ACTION} {CHANGES} services[].changes[].field services[].changes[].from services[].changes[].to",
        code=ExitCode.FAILED,
    ),
    Step("service list", " ".join(f"[].{key}" for key in SERVICE.split()), API),
    Step("service get echo", SERVICE, API),
    Step("service get echo --include-deployment", f"{SERVICE} deployment", API),
    Step("service job echo -i hello", "job service"),
    Step("service job echo -i hello --wait", "exit_code files job log outputs service status"),
    Step("service put-file echo word.txt", "service uploaded"),
    Step(
        "service put-file echo word.txt --wait",
        "files jobs jobs[].exit_code jobs[].job jobs[].log jobs[].object jobs[].outputs jobs[].status "
        "service uploaded",
    ),
    Step("apply told.yaml", ACTION),
    Step(
        "service map told made results --limit 1",
        "done failed folder inputs inputs[].error inputs[].exit_code inputs[].files inputs[].input "
        "inputs[].job inputs[].log inputs[].object inputs[].outputs inputs[].state "
        "inputs[].status refused service total",
    ),
    Step("service list-files echo echo/out", "[].bucket [].etag [].key [].last_modified [].name [].size"),
    Step("service export echo --dir exported", "fdl script service"),
    Step("service system-logs", "logs", API),
    Step(
        "service logs list echo",
        "jobs jobs.* jobs.*.creation_time jobs.*.exit_code jobs.*.finish_time jobs.*.start_time "
        "jobs.*.status",
    ),
    Step("service logs get echo --latest", "job log service"),
    Step(
        "service deployment status echo",
        "active_instances affected_instances namespace resource_kind service_name state",
        API,
    ),
    Step("service deployment logs echo", "available entries message service_name", API),
    Step("service get-file echo echo/out/result.txt", "files"),
    Step("service sync exported echo:echo/kept", "[].action [].name [].outcome [].reason [].size"),
    Step("service delete-file echo minio.default echo/out/result.txt", "deleted"),
    Step("service logs delete echo nothing nobody", f"{REMOVAL} failed.*", code=ExitCode.PARTIAL),
    Step("service logs delete echo --succeeded", "deleted service"),
    Step("bucket create shop", "allowed_users bucket visibility"),
    Step("bucket update shop --visibility private", "allowed_users bucket visibility"),
    Step(
        "bucket list",
        "[].allowed_users [].attribution [].bucket_name [].metadata [].owner [].storage_quota "
        "[].storage_usage [].visibility",
        API,
    ),
    Step("bucket put-file echo word.txt in/", "bucket uploaded"),
    Step("bucket get-file echo in/word.txt", "files"),
    Step("bucket sync exported echo:other", "[].action [].name [].outcome [].reason [].size"),
    Step("bucket get echo", BUCKET, API),
    Step("bucket get echo --folders", f"{BUCKET} folders prefix", API),
    Step("bucket presign echo in/word.txt", "expires_at method object_key operation url", API),
    Step("bucket delete-file echo in/word.txt", "deleted"),
    # Its rows are pinned where there are some: tests/cli/bucket/test_resume.py.
    Step("bucket uploads echo", ""),
    Step("bucket delete shop --yes", "deleted"),
    Step("volume create disk --size 1Gi", VOLUME, API),
    Step("volume list", " ".join(f"[].{key}" for key in VOLUME.split()), API),
    Step("volume get disk", VOLUME, API),
    Step("volume delete disk --yes", "deleted"),
    Step("metrics summary", "end sources start totals", API),
    Step("metrics breakdown", "end group_by items start", API),
    Step("metrics service echo", "end metrics service_name start", API),
    Step("metrics service echo --metric cpu-hours", "end metric service_id sources start unit value", API),
    # A user is known once there is a quota.
    Step("quota update ada --cpu 2", QUOTA, API),
    Step("quota get ada", QUOTA, API),
    Step("federation add-member echo --cluster-id far --service-name other", "members topology", API),
    Step("federation get echo", "members topology", API),
    Step("federation update echo --cluster-id far --priority 5", "members topology", API),
    Step("federation delete echo --cluster-id far", "members topology", API),
    Step("service delete echo --yes", REMOVAL),
    Step("delete fdl.yaml --yes", f"{ACTION} services[].code services[].error", code=ExitCode.NOT_FOUND),
    Step("cluster delete local", "deleted"),
)
# What a laptop does not have, from a server that answers as told: its document has one key that is new.
DEPLOYMENT = {"service_name": "web", "state": "ready", "new": 1}
SCRIPTED = (
    *(Step(f"service {verb} web", "new service_name state", API) for verb in ("start", "stop", "restart")),
    Step("service url web", "node_ports service set_auth url"),
    Step("cluster open", "cluster url"),
)
# A cluster's own process, and other folders of this machine.
LOCAL = (
    Step("completion man --dir man", "written"),
    Step(
        "local start --port 0 --s3-port 0",
        "data_dir endpoint engine engine.name engine.version name s3_endpoint",
    ),
    Step(
        "local status",
        "data_dir endpoint engine engine.name engine.version jobs jobs.* name pid running s3_endpoint",
    ),
    Step("local images list", ""),
    Step("local images prune", "removed"),
    Step("local user add ann", "endpoint groups issuer name refresh_token uid"),
    Step("local user token ann --store-as ann", "endpoint groups issuer name uid"),
    Step("local user list", "[].groups [].name [].uid"),
    Step("local user remove ann", "name"),
    Step("local stop", "name was_running"),
    Step("local reset --yes", "data_dir name"),
)

# Services of the hub, of which the tests have a repository.
FOUND = (
    "services services[].creator services[].description services[].keywords services[].license "
    "services[].metadata_source services[].name services[].repository_url services[].slug services[].url "
    "warnings warnings[].error warnings[].path"
)
HUB = (
    Step("hub list", FOUND),
    Step("hub search text", FOUND),
    Step(
        "hub show word-count",
        "commit creator description digest fdl keywords license name repository_url services "
        "services[].cpu services[].image services[].input services[].memory services[].output "
        "services[].secrets services[].service slug url version",
    ),
    Step("hub deploy word-count", ACTION.replace(" services[].changes", "")),
    Step(
        "hub validate word-count",
        "cluster service slug tests tests[].name tests[].outcome tests[].steps tests[].steps[].details "
        "tests[].steps[].error tests[].steps[].expected tests[].steps[].expected_media_types "
        "tests[].steps[].kind tests[].steps[].name tests[].steps[].outcome tests[].steps[].output_preview",
    ),
)

# Logins at a provider.
LOGINS = (
    Step("auth token", "access_token expires_at"),
    Step("auth login --device", "cluster login"),
    Step("auth logout", "cluster forgotten_in revoked"),
)


def keys(value: Any, depth: int, place: str = "") -> set[str]:
    """Return the keys of a document as paths, down to so many mappings."""
    if isinstance(value, list):
        return set().union(*(keys(item, depth, f"{place}[]") for item in value))
    if not isinstance(value, dict) or not depth:
        return set()
    is_keyed_by_name = place in KEYED_BY_NAME
    found: set[str] = set()
    for key, inner in value.items():
        path = f"{place}.{'*' if is_keyed_by_name else key}".removeprefix(".")
        found |= {path} | keys(inner, depth - 1, path)
    return found


def check(call: Caller, steps: tuple[Step, ...], after: Callable[[Step], None] = lambda _: None) -> None:
    for step in steps:
        result = call(*step.words.split(), "-o", "json")
        assert (step.words, result.code) == (step.words, step.code), result.err
        assert (step.words, keys(json.loads(result.out), step.depth)) == (step.words, set(step.keys.split()))
        after(step)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LocalCluster]:
    running = open_cluster(tmp_path / "data")
    yield running
    running.close()


def test_the_keys_of_answers(call: Caller, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(call.home)
    for name, text in FILES.items():
        (call.home / name).write_text(text)
    cluster.become_known(call)

    def work(step: Step) -> None:
        if step.words == "service job echo -i hello":
            # For the log of calls, and for metrics.
            call("service", "run", "echo", "-i", "hello")

    check(call, STEPS, work)


def test_the_keys_of_answers_about_exposed_services(
    call: Caller, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    call.know(server.url)
    for verb in ("start", "stop", "restart"):
        server.expect("POST", f"/system/services/web/{verb}", document(DEPLOYMENT))
    server.expect("GET", "/system/services/web", document({"name": "web", "expose": {"api_port": 80}}))
    server.expect("GET", "/ui", Answer(body=b"<html>"))
    monkeypatch.setattr("oscarcli.cli.kit.browser.has_opened", lambda _address: True)
    check(call, SCRIPTED)


def test_the_keys_of_answers_about_a_cluster_of_this_machine(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(call.home)
    try:
        check(call, LOCAL)
    finally:
        call("local", "reset", "--yes")


def test_the_keys_of_answers_about_the_hub(
    call: Caller, cluster: LocalCluster, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oscarcli.hub.origin.API_BASE", server.url)
    cluster.become_known(call)
    with ScriptedServer() as archives:
        GitHub(server, archives).serve()
        check(call, HUB)


def test_the_keys_of_answers_about_logins(call: Caller) -> None:
    with ScriptedProvider() as provider:
        provider.interval = 1
        entry = f"{{endpoint: 'http://127.0.0.1:9', oidc_refresh_token: {provider.log_in()}}}"
        call.write_config(f"oscar: {{far: {entry}}}\ndefault: far\n")
        check(call, LOGINS)


def test_every_command_that_answers_in_json_takes_the_other_two_forms() -> None:
    """What has words for people, and no table, takes `table` for these."""
    assert not {verb for verb, forms in verbs_with_json().items() if not {"table", "yaml"} <= set(forms)}


def test_a_failure_is_an_object_on_stderr(call: Caller) -> None:
    result = call("service", "list", "-o", "json")
    assert (result.out, set(json.loads(result.err))) == ("", {"error", "code", "hint"})
    (call.home / "fdl.yaml").write_text(FDL.replace("log_level: CRITICAL", "memory: 256Mb"))
    result = call("apply", call.home / "fdl.yaml", "-o", "json")
    assert set(json.loads(result.err)) >= {"error", "code", "details"}


def verbs_with_json() -> dict[str, list[str]]:
    """Return the verbs that can answer in JSON, by their main names, with all forms that they take."""
    found: dict[str, list[str]] = {}

    def walk(path: str, command: Any) -> None:
        if "json" in getattr(command, "_formats", ()):
            (option,) = (param for param in command.params if "--output" in param.opts)
            # Where the option may name a folder, too, it is the command that looks at its words.
            found[path] = list(getattr(option.type, "choices", ["table", "json", "yaml"]))
        for names, child in getattr(command, "commands", {}).items():
            walk(f"{path} {names.split(', ')[0]}", child)

    for entry in COMMANDS:
        group: Any = get_group(importlib.import_module(f"oscarcli.cli.{entry.module}").app)
        walk(entry.name, group if entry.is_noun else group.commands[entry.names])
    return found


def test_every_command_that_answers_in_json_is_pinned() -> None:
    pinned = {step.words for step in (*STEPS, *SCRIPTED, *LOCAL, *HUB, *LOGINS)}
    assert not [verb for verb in verbs_with_json() if not any(f"{w} ".startswith(f"{verb} ") for w in pinned)]
