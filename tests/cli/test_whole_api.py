"""The whole REST API, through the real command against a local cluster: every verb of every noun."""

from __future__ import annotations

import csv
import importlib
import io
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from oscarcli.cli.commands import COMMANDS
from oscarcli.errors import ExitCode
from tests.conftest import isolated
from tests.support.command import Caller, Runner

# They have test files of their own: logins, the process of a cluster, shells and packages are not the API.
NOT_OF_THE_API = ("auth", "local", "completion", "hub")
FDL = """\
functions:
  oscar:
  - local:
      name: {name}
      image: alpine:3
      script: script.sh
      log_level: CRITICAL
      input: [{{storage_provider: minio.default, path: {name}/in}}]
      output: [{{storage_provider: minio.default, path: {name}/out}}]
"""
SCRIPT = 'tr a-z A-Z < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/$(basename "$INPUT_FILE_PATH")"\n'


@dataclass(frozen=True)
class Step:
    """One call: its words, its exit code, and what has to be in its answer or its messages.

    `NAME` in words and texts is the scenario's service. `has_child` marks what hands its own streams to
    another program.
    """

    words: str
    out: str = ""
    code: ExitCode = ExitCode.OK
    err: str = ""
    has_child: bool = False


SCENARIOS: Mapping[str, tuple[Step, ...]] = {
    "cluster": (
        Step("cluster list", "local"),
        Step("cluster info", "local-"),
        Step("cluster status", "ready, 1 of 1 replicas"),
        Step("cluster config", "volume_enable: true"),
        Step("cluster open", code=ExitCode.NOT_FOUND, err="has no dashboard"),
        Step(
            "cluster config --set-images alpine",
            code=ExitCode.REFUSED,
            err="has no list of allowed image repositories",
        ),
        Step("cluster default", "local"),
        Step("cluster add other http://127.0.0.1:9 ada pass --no-check", "other"),
        Step("cluster default -s other", "other"),
        Step("cluster default -s local", "local"),
        Step("cluster delete other", "other"),
        Step("cluster secrets move --to file", "is there already"),
    ),
    "service": (
        Step("service list", "NAME"),
        Step("service list --include-deployment", "ready"),
        Step("service get NAME", "token: '***'"),
        Step("service run NAME -i hello", "HELLO"),
        Step("service put-file NAME word.txt", "NAME/in/word.txt"),
        Step("service logs get NAME --latest --follow", err="Succeeded"),
        Step("service list-files NAME NAME/out", "word.txt  4  "),
        Step("service get-file NAME NAME/out/word.txt fetched.txt", "fetched.txt"),
        Step("service sync NAME: synced", "word.txt"),
        Step("service delete-file NAME minio.default NAME/out/word.txt", "word.txt"),
        Step("service sync inputs NAME:of-NAME-too/in", code=ExitCode.NOT_FOUND, err="of-NAME-too"),
        Step("service map NAME inputs out", code=ExitCode.FAILED, err="its log level hides"),
        Step("service export NAME --dir exported", "exported/fdl.yaml"),
        Step("diff exported/fdl.yaml", "Unchanged"),
        Step("service edit NAME", has_child=True),
        Step("service start NAME", code=ExitCode.REFUSED, err='service "NAME" is not exposed'),
        Step("service stop NAME", code=ExitCode.REFUSED, err='service "NAME" is not exposed'),
        Step("service restart NAME", code=ExitCode.REFUSED, err='service "NAME" is not exposed'),
        Step("service restart nothing", code=ExitCode.NOT_FOUND, err="does not exist"),
        Step("service url NAME", code=ExitCode.REFUSED, err="is not exposed"),
        Step("service system-logs", "POST /run/NAME | oscar"),
        Step("service system-logs --timestamps", "Z [GIN-EXECUTIONS-LOGGER]"),
        Step("service system-logs --previous", code=ExitCode.REFUSED, err="previous terminated container"),
        Step("service delete NAME --yes", "NAME"),
        Step("service get NAME", code=ExitCode.NOT_FOUND, err="does not exist"),
    ),
    "service logs": (
        Step("service job NAME -i hello", "NAME-"),
        Step("service logs get NAME --latest --follow", err="Succeeded"),
        Step("service logs list NAME", "Succeeded"),
        Step("service logs delete NAME --all --yes"),
        Step("service logs list NAME", err="This service has no logs"),
    ),
    "service deployment": (
        Step("service deployment status NAME", "state: ready"),
        Step("service deployment logs NAME", "available: false"),
        Step("service deployment status nothing", code=ExitCode.NOT_FOUND, err="there is no service"),
        Step("service deployment logs nothing", code=ExitCode.NOT_FOUND, err="there is no service"),
    ),
    "bucket": (
        Step("bucket create of-NAME", "of-NAME"),
        Step("bucket create of-NAME", code=ExitCode.REFUSED, err="already exists"),
        Step("bucket list", "of-NAME"),
        Step("bucket update of-NAME --visibility private", "updated"),
        Step(
            "bucket update of-NAME --visibility public",
            code=ExitCode.REFUSED,
            err="the server changed nothing",
        ),
        Step("bucket put-file of-NAME word.txt folder/", "word.txt"),
        Step("bucket get of-NAME", "folder/word.txt"),
        Step("bucket sync inputs of-NAME:folder", err="0 copied, 1 unchanged"),
        Step("bucket uploads of-NAME", err="no unfinished upload"),
        Step("bucket presign of-NAME folder/word.txt", "X-Amz-Signature="),
        Step("bucket get-file of-NAME folder/word.txt from-bucket.txt", "from-bucket.txt"),
        Step("bucket sync of-NAME: from-bucket", "folder/word.txt"),
        Step("bucket uploads of-NAME", err="There is no unfinished upload"),
        Step("bucket delete-file of-NAME folder/word.txt", "word.txt"),
        Step("bucket delete of-NAME --yes", "of-NAME"),
        Step("bucket get of-NAME", code=ExitCode.NOT_FOUND),
    ),
    "volume": (
        Step("volume create for-NAME --size 1Gi", 'Volume "for-NAME" created (size: 1Gi)'),
        Step(
            "volume create for-NAME --size 1Gi",
            code=ExitCode.REFUSED,
            err="volume already exists in caller namespace",
        ),
        Step("volume list", "for-NAME"),
        Step("volume get for-NAME", "phase: ready"),
        Step("volume delete for-NAME", 'Volume "for-NAME" deleted'),
        Step("volume delete for-NAME", code=ExitCode.NOT_FOUND, err="does not exist"),
    ),
    "metrics": (
        Step("service run NAME -i hello", "HELLO"),
        Step("metrics summary", "requests_count_sync:"),
        Step("metrics summary --start 7d --end 2999-01-01", "status: ok"),
        Step("metrics breakdown", "key: NAME"),
        Step("metrics breakdown --include-users", "- oscar"),
        Step("metrics breakdown --group-by user", "membership: member"),
        Step("metrics breakdown --group-by country", "items: []"),
        Step("metrics service NAME", "metric: requests-sync-per-service"),
        Step("metrics service NAME --metric requests-sync-per-service", "value: 1"),
        Step("metrics service nothing", code=ExitCode.NOT_FOUND, err="there is no service"),
    ),
    "quota": (
        Step("quota get", code=ExitCode.AUTH, err="the cluster's own account"),
        Step("quota get nobody", code=ExitCode.NOT_FOUND, err="the server knows no such user"),
        Step("quota update ada --cpu 2.5 --gpu 1 --volume-count 3 --minio-buckets 4", "max: 2500"),
        Step("quota update ada --memory 1Gi", "max: 1073741824"),
        Step("quota get ada", "max: 2500"),
    ),
    "federation": (
        Step("federation get NAME", code=ExitCode.FAILED, err='service "NAME" has no federation'),
        Step("federation add-member NAME --cluster-id far --service-name NAME-far", "added"),
        Step(
            "federation add-member NAME --type endpoint --url https://example.org --header Key=secret",
            "added",
        ),
        Step("federation get NAME", "Members:  2"),
        Step("federation update NAME --cluster-id far --priority 5", "updated"),
        Step("federation get NAME", "Priority: 5"),
        Step("federation delete NAME --cluster-id far", "deleted", err="removed: service"),
        Step("federation delete NAME --type endpoint", "deleted", err="removed: endpoint"),
        Step("federation get NAME", code=ExitCode.FAILED, err='service "NAME" has no federation'),
        Step("federation delete NAME", 'Service "NAME" has no federation members'),
        Step("federation get nothing", code=ExitCode.NOT_FOUND),
    ),
}
# What shows something, in the state that each scenario begins with.
READERS = (
    "health",
    "cluster list",
    "cluster info",
    "cluster status",
    "cluster config",
    "service list",
    "service list --include-deployment",
    "service get NAME",
    "service logs list NAME",
    "service deployment status NAME",
    "service deployment logs NAME",
    "service system-logs",
    "bucket list",
    "bucket get NAME",
    "volume list",
    "volume get a-volume",
    "metrics summary",
    "metrics breakdown",
    "metrics breakdown --group-by user",
    "metrics breakdown --group-by country",
    "metrics service NAME",
    "metrics service NAME --metric cpu-hours",
    "quota get ada",
    "federation get NAME",
)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """The real command with a local cluster as its only one."""
    home = tmp_path_factory.mktemp("home")
    run = Runner(home, isolated(home))
    (home / "script.sh").write_text(SCRIPT)
    (home / "word.txt").write_text("word")
    (home / "inputs").mkdir()
    (home / "inputs" / "word.txt").write_text("word")
    started = run("local", "start", "--port", "0", "--s3-port", "0")
    assert started.code == 0, started.err
    limited = run("quota", "update", "ada", "--cpu", "1")
    assert limited.code == 0, limited.err
    yield run
    run("local", "reset", "--yes")


@pytest.fixture
def call(local: Runner) -> Caller:
    """The command with the same configuration, inside this process: there are many calls."""
    return Caller(local.home, local.environ)


@pytest.fixture
def service(local: Runner, call: Caller) -> str:
    """A service of the test's own."""
    name = f"whole-{uuid.uuid4().hex[:8]}"
    fdl = local.home / "service.yaml"
    fdl.write_text(FDL.format(name=name))
    applied = call("apply", fdl)
    assert applied.code == 0, applied.err
    return name


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_verb_does_what_it_says(
    local: Runner, call: Caller, service: str, scenario: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(local.home)
    for step in SCENARIOS[scenario]:
        command = local if step.has_child else call
        result = command(*step.words.replace("NAME", service).split(), env={"EDITOR": "true"})
        found = (step.words, result.code, result.out, result.err)
        assert result.code == step.code, found
        assert step.out.replace("NAME", service) in result.out, found
        assert step.err.replace("NAME", service) in result.err, found
        assert "Traceback" not in result.err


def readable_table(text: str) -> str:
    header = text.partition("\n")[0]
    assert "{" not in header
    return header


READ: Mapping[str, Callable[[str], Any]] = {
    "table": readable_table,
    "json": json.loads,
    "yaml": yaml.safe_load,
}


def test_whatever_shows_something_shows_it_in_each_form(call: Caller, service: str) -> None:
    call("volume", "create", "a-volume", "--size", "1Gi")
    call("federation", "add-member", service, "--cluster-id", "far", "--service-name", "x")
    for reader in READERS:
        words = reader.replace("NAME", service).split()
        documents = {}
        for form, read in READ.items():
            result = call(*words, "-o", form)
            assert (reader, form, result.code) == (reader, form, 0), result.err
            # An empty list has no header, and is told on stderr.
            assert result.out or (form == "table" and result.err), reader
            documents[form] = read(result.out)
        assert shape(documents["json"]) == shape(documents["yaml"]), reader


def shape(document: Any) -> Any:
    """Return the keys of a document without its values, which may change from call to call."""
    if isinstance(document, dict):
        return {key: shape(value) for key, value in document.items()}
    return [shape(item) for item in document] if isinstance(document, list) else None


@pytest.mark.parametrize(
    "words", ["metrics summary", "metrics breakdown", "metrics service NAME", "service system-logs"]
)
def test_csv_has_as_many_cells_in_each_line(call: Caller, service: str, words: str) -> None:
    call("service", "run", service, "-i", "hello")
    result = call(*words.replace("NAME", service).split(), "-o", "csv")
    assert result.code == 0, result.err
    header, *rows = csv.reader(io.StringIO(result.out))
    assert rows
    assert {len(row) for row in rows} == {len(header)}


def test_a_service_uses_a_volume_from_its_fdl(local: Runner, tmp_path: Path) -> None:
    mount = tmp_path / "mounted"
    fdl = FDL.format(name="mounting") + f"      volume: {{size: 1Gi, mount_path: {mount}}}\n"
    (local.home / "mounting.yaml").write_text(fdl.replace("script.sh", "mounting.sh"))
    (local.home / "mounting.sh").write_text(f'cp "$INPUT_FILE_PATH" {mount}\n')
    assert local("apply", "mounting.yaml").code == 0
    assert "Unchanged" in local("diff", "mounting.yaml").out
    assert local("service", "put-file", "mounting", "word.txt").code == 0
    assert local("service", "logs", "get", "mounting", "--latest", "--follow").code == 0
    assert (mount / "word.txt").read_text() == "word"
    attached = local("volume", "get", "mounting", "-o", "table").out
    assert f"mounting:{mount}" in attached
    in_use = local("volume", "delete", "mounting")
    assert (in_use.code, "still attached" in in_use.err) == (ExitCode.REFUSED, True)
    assert local("delete", "mounting.yaml", "--yes").code == 0
    assert local("volume", "get", "mounting").code == ExitCode.NOT_FOUND


def test_a_federation_takes_services_along_when_told(local: Runner) -> None:
    for name in ("whole-hub", "whole-spoke"):
        (local.home / f"{name}.yaml").write_text(FDL.format(name=name))
        assert local("apply", f"{name}.yaml").code == 0
    add = ("federation", "add-member", "whole-hub", "--cluster-id", "local", "--service-name", "whole-spoke")
    assert local(*add).code == 0
    remove = ("federation", "delete", "whole-hub", "--cluster-id", "local", "--delete-service")
    assert local(*remove).code == ExitCode.USAGE, "--yes is needed where nobody can be asked"
    assert local(*remove, "--yes").code == 0
    assert local("service", "get", "whole-spoke").code == ExitCode.NOT_FOUND
    assert local("service", "get", "whole-hub").code == 0


@pytest.mark.parametrize("topology", ["star", "mesh"])
def test_a_topology_waits_for_members_that_come_and_go(local: Runner, call: Caller, topology: str) -> None:
    name = f"whole-{topology}"
    federation = f"      federation: {{topology: {topology}, delegation: random, members: []}}\n"
    fdl = local.home / f"{name}.yaml"
    fdl.write_text(FDL.format(name=name) + federation)
    checked = call("validate", fdl)
    assert (checked.code, checked.err) == (0, "")
    assert call("apply", fdl).code == 0
    assert call("diff", fdl).code == 0

    def members() -> Any:
        shown = call("federation", "get", name, "--output", "json")
        assert shown.code == 0
        document = json.loads(shown.out)
        assert document["topology"] == topology
        return document["members"]

    assert members() is None
    for number, service in enumerate(("one", "two")):
        words = ("--cluster-id", "far", "--service-name", service, "--priority", str(number))
        added = call("federation", "add-member", name, *words)
        # Nobody can be told at a cluster that is not on record.
        assert (added.code, "the change is stored" in added.err) == (ExitCode.PARTIAL, True)
    assert [(one["service_name"], one["priority"]) for one in members()] == [("one", 0), ("two", 1)]
    removed = call("federation", "delete", name)
    assert (removed.code, removed.out) == (0, f'Federation members deleted for service "{name}"\n')
    assert members() is None
    assert call("diff", fdl).code == 0


def verbs_of(app: Any, noun: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the noun and the names of each of its verbs, those of nouns within it, too."""
    for command in app.registered_commands:
        yield noun, command.name.split(", ")
    for group in app.registered_groups:
        yield from verbs_of(group.typer_instance, f"{noun} {group.name.split(', ')[0]}")


def test_every_verb_of_every_noun_is_among_the_steps() -> None:
    called = [step.words.split() for steps in SCENARIOS.values() for step in steps]
    for entry in COMMANDS:
        if not entry.is_noun or entry.name in NOT_OF_THE_API:
            continue
        app = importlib.import_module(f"oscarcli.cli.{entry.module}").app
        for noun, names in verbs_of(app, entry.name):
            depth = len(noun.split())
            found = [words for words in called if words[:depth] == noun.split() and words[depth] in names]
            assert found, f"{noun} {names[0]}"
