"""`hub deploy`: what is sent, and that a pinned version stays what it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Caller
from tests.support.github import COMMIT, CRATES, GitHub
from tests.support.manager import Cluster

LINES = '#!/bin/sh\nif true; then\n  wc -l < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/lines"\nfi\n'


@pytest.fixture(autouse=True)
def _at_home(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(call.home)


def test_a_service_goes_to_the_chosen_cluster(call: Caller, hub: GitHub, cluster: Cluster) -> None:
    hub.serve()
    outcome = call("hub", "deploy", "word-count", "--api-base", hub.api.url)
    assert outcome.code == 0, outcome.err
    assert 'Creating service "word-count" in cluster "oscar-cluster"' in outcome.out
    assert outcome.out.endswith('Service "word-count" deployed successfully.\n')
    assert f"word-count of grycap/oscar-hub/crates, commit {COMMIT[:12]}, sha256:" in outcome.err
    stored = cluster.services["word-count"]
    assert stored["script"] == (CRATES / "word-count" / "script.sh").read_text()
    assert stored["cluster_id"] == "oscar-cluster"
    assert not Path("hub.lock").exists()


def test_all_services_of_a_package_or_one_under_another_name(
    call: Caller, hub: GitHub, cluster: Cluster
) -> None:
    hub.serve()
    assert call("hub", "deploy", "two-services", "--api-base", hub.api.url).code == 0
    assert sorted(cluster.services) == ["lines", "upper"]
    assert cluster.services["lines"]["script"] == LINES
    one = ["--service", "lines", "--name", "other"]
    assert call("hub", "deploy", "two-services", "--api-base", hub.api.url, *one).code == 0
    assert sorted(cluster.services) == ["lines", "other", "upper"]
    unknown = call("hub", "deploy", "two-services", "--api-base", hub.api.url, "--service", "x")
    assert (unknown.code, "hint: it has upper, lines" in unknown.err) == (5, True)


def test_dry_run(call: Caller, hub: GitHub, cluster: Cluster) -> None:
    hub.serve()
    outcome = call("hub", "deploy", "word-count", "--api-base", hub.api.url, "--dry-run")
    assert 'Would create service "word-count"' in outcome.out
    assert cluster.services == {}


def test_a_pinned_version_is_asked_for_by_its_commit(call: Caller, hub: GitHub, cluster: Cluster) -> None:
    hub.serve()
    assert call("hub", "deploy", "word-count", "--api-base", hub.api.url, "--pin").code == 0
    [(slug, pin)] = json.loads(Path("hub.lock").read_text())["services"].items()
    assert (slug, pin["commit"], pin["ref"]) == ("word-count", COMMIT, "main")
    hub.serve(COMMIT)
    for kept in call.home.rglob("*.tar.gz"):
        kept.unlink()
    assert call("hub", "deploy", "word-count", "--api-base", hub.api.url).code == 0
    assert hub.api.requests[-1].path == f"/repos/grycap/oscar-hub/tarball/{COMMIT}"
    assert cluster.services["word-count"]["name"] == "word-count"


def test_a_pinned_version_that_was_fetched_before_needs_no_network(
    call: Caller, hub: GitHub, cluster: Cluster
) -> None:
    hub.serve()
    words = ["hub", "deploy", "word-count", "--api-base", hub.api.url]
    assert call(*words, "--pin").code == 0
    cluster.services.clear()
    outcome = call(*words)
    assert (outcome.code, "warning" in outcome.err) == (0, False), outcome.err
    assert list(cluster.services) == ["word-count"]
    assert hub.api.calls().count("GET /repos/grycap/oscar-hub/tarball/main") == 1
    assert not any(COMMIT in call for call in hub.api.calls())


def test_a_pinned_service_that_changed_is_refused_until_it_is_accepted(
    call: Caller, hub: GitHub, cluster: Cluster
) -> None:
    hub.serve()
    assert call("hub", "deploy", "word-count", "--api-base", hub.api.url, "--pin").code == 0
    hub.commit, hub.files["crates/word-count/script.sh"] = "4" * 40, b"#!/bin/sh\necho other\n"
    words = ["hub", "deploy", "word-count", "--api-base", hub.api.url, "--ref", "main"]
    refused = call(*words)
    assert refused.code == 7
    assert 'Error: "word-count" has changed since it was pinned in "hub.lock": ' in refused.err
    assert "other" not in cluster.services["word-count"]["script"]
    assert call(*words, "--pin").code == 0
    assert "other" in cluster.services["word-count"]["script"]
    assert json.loads(Path("hub.lock").read_text())["services"]["word-count"]["commit"] == "4" * 40
    assert call(*words).code == 0


@pytest.mark.parametrize("text", ["", "[]", '{"services": {"a": {}}}'])
def test_a_lock_that_is_none(call: Caller, hub: GitHub, cluster: Cluster, text: str) -> None:
    Path("hub.lock").write_text(text)
    outcome = call("hub", "deploy", "word-count", "--api-base", hub.api.url)
    assert (outcome.code, '"hub.lock" is no lock of hub services' in outcome.err) == (3, True)
    assert cluster.services == {}


def test_a_local_package(call: Caller, cluster: Cluster) -> None:
    assert call("hub", "deploy", "word-count", "--local-path", str(CRATES)).code == 0
    assert list(cluster.services) == ["word-count"]
    both = call("hub", "deploy", "word-count", "--local-path", str(CRATES), "--pin")
    assert both.code == 2


def test_several_yaml_files_and_none(call: Caller, cluster: Cluster) -> None:
    folder = Path("many")
    folder.mkdir()
    (folder / "a.yaml").write_text("")
    (folder / "b.yml").write_text("")
    outcome = call("hub", "deploy", "x", "--local-path", "many")
    assert (outcome.code, "a.yaml, b.yml" in outcome.err) == (3, True)
    for name in ("fdl.yaml", "fdl.yml"):
        (folder / name).write_text("")
    outcome = call("hub", "deploy", "x", "--local-path", "many")
    assert (outcome.code, "fdl.yaml and fdl.yml" in outcome.err) == (3, True)
    for file in folder.iterdir():
        file.unlink()
    assert call("hub", "deploy", "x", "--local-path", "many").code == 5


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{{ file "../../etc/passwd" }}', "leads out of"),
        ('{{ file "missing.sh" }}', "missing.sh"),
        ("{{ nonsense }}", "f.yaml:7: unknown template {{ nonsense }}"),
        ('echo {{ file "x" }}', "f.yaml:7: a template has a line of its own"),
        ("{{ agentSkills }}", "agentSkills needs the crate's metadata"),
    ],
)
def test_wrong_templates(call: Caller, cluster: Cluster, line: str, words: str) -> None:
    Path("f.yaml").write_text(
        "functions:\n  oscar:\n  - c:\n      name: abc\n      image: i\n      script: |\n"
        f"        {line}\n        true\n"
    )
    outcome = call("hub", "deploy", "abc", "--local-path", "f.yaml")
    assert outcome.code in (1, 3, 5)
    assert words in outcome.err
    assert cluster.services == {}
