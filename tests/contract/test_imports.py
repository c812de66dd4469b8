"""The contracts of imports hold what they say: each is broken on purpose in a copy, and seen to fail."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The contract's id, the module that does what it must not, and what it imports.
BREACHES = [
    ("layers", "oscarcli.api.volumes", "oscarcli.output.qr"),
    ("layers", "oscarcli.jobs.payload", "oscarcli.cli.kit.session"),
    ("layers", "oscarcli.jobs.payload", "oscarcli.output.times"),
    ("layers", "oscarcli.tui.loading", "oscarcli.cli.kit.session"),
    ("layers", "oscarcli.jobs.outputs", "oscarcli.tui.safe_text"),
    ("home-httpx", "oscarcli.tui.loading", "httpx"),
    ("layers", "oscarcli.http.limits", "oscarcli.login.jwt"),
    ("layers", "oscarcli.files", "oscarcli.config.limits"),
    ("layers", "oscarcli.fdl.quantities", "oscarcli.output.table"),
    ("storage", "oscarcli.storage.location", "oscarcli.http.limits"),
    ("storage-layers", "oscarcli.storage.s3.signature", "oscarcli.storage.webdav.requests"),
    ("storage-layers", "oscarcli.storage.wire.connector", "oscarcli.storage.s3.settings"),
    ("cli", "oscarcli.cli.quota", "oscarcli.cli.metrics"),
    ("cli", "oscarcli.cli.kit.bulk", "oscarcli.cli.service.logs"),
    ("cli", "oscarcli.cli.bucket.app", "oscarcli.cli.service.put_file"),
    ("local", "oscarcli.local.clock", "oscarcli.network.proxies"),
    ("local-door", "oscarcli.cli.bucket.share", "oscarcli.local.state"),
    ("local-door", "oscarcli.fdl.read", "oscarcli.local.options"),
    ("local-layers", "oscarcli.local.services.names", "oscarcli.local.jobs.table"),
    ("local-layers", "oscarcli.local.objects.model", "oscarcli.local.services.names"),
    ("local-layers", "oscarcli.local.jobs.events", "oscarcli.local.rest.paging"),
    ("local-store", "oscarcli.local.objects.index", "oscarcli.local.objects.s3.documents"),
    ("home-typer", "oscarcli.fdl.service", "typer"),
    ("home-httpx", "oscarcli.network.route", "httpx"),
    ("home-botocore", "oscarcli.network.route", "botocore"),
    ("home-botocore", "oscarcli.api.services", "boto3"),
    ("home-keyring", "oscarcli.network.route", "keyring"),
    ("home-yaml", "oscarcli.api.services", "yaml"),
    ("home-rich", "oscarcli.cli.version", "rich"),
    ("home-rich", "oscarcli.cli.kit.options", "jmespath"),
    ("home-watchfiles", "oscarcli.polling", "watchfiles"),
    ("home-textual", "oscarcli.cli.interactive", "textual"),
    ("home-textual", "oscarcli.output.bars", "PIL"),
    ("home-cheroot", "oscarcli.http.connection", "cheroot"),
    ("home-joserfc", "oscarcli.login.jwt", "joserfc"),
    ("local-users", "oscarcli.local.rest.paging", "joserfc"),
    ("local-layers", "oscarcli.local.users.table", "oscarcli.local.services.names"),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is said of each contract, by its name, in a copy with all breaches in it."""
    copy = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "oscarcli", copy / "oscarcli", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for _, module, imported in BREACHES:
        with (copy / Path(*module.split("."))).with_suffix(".py").open("a", encoding="utf-8") as file:
            file.write(f"\nimport {imported}\n")
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=copy,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(copy), "COLUMNS": "300"},
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    _, _, broken = done.stdout.partition("Broken contracts")
    parts = re.split(r"\n\n(?=[^\n]+\n-+\n)", broken)
    return {part.strip().partition("\n")[0]: part for part in parts if part.strip("\n-")}


def names() -> dict[str, str]:
    """Return the name of each contract, by its id."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return dict(re.findall(r'\[\[tool\.importlinter\.contracts\]\]\nid = "(.+)"\nname = "(.+)"', text))


@pytest.mark.parametrize(("contract", "module", "imported"), BREACHES)
def test_a_contract_is_broken_by_what_it_forbids(
    report: dict[str, str], contract: str, module: str, imported: str
) -> None:
    said = report[names()[contract]]
    assert re.search(rf"{re.escape(module)} -> {re.escape(imported)} \(l\.\d", said), said


def test_every_contract_is_broken_by_something() -> None:
    assert {contract for contract, _, _ in BREACHES} == set(names())


def test_every_package_is_in_the_list_of_every_home() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    there = {path.stem for path in (ROOT / "oscarcli").glob("*.py")} - {"__init__"}
    there |= {path.parent.name for path in (ROOT / "oscarcli").glob("*/__init__.py")}
    for contract in re.findall(r'id = "(home-[a-z0-9]+)".*?source_modules = \[(.*?)\]', text, re.DOTALL):
        listed = set(re.findall(r'"oscarcli\.(\w+)"', contract[1]))
        assert listed <= there
        homes = there - listed
        assert len(homes) <= 3, (contract[0], homes)


def test_typer_s_private_parts_have_one_home() -> None:
    home = ROOT / "oscarcli" / "cli" / "kit" / "click.py"
    strangers = [
        path
        for path in (ROOT / "oscarcli").rglob("*.py")
        if path != home and re.search(r"typer\._|from typer import .*\b_", path.read_text(encoding="utf-8"))
    ]
    assert strangers == []
    used = re.findall(r"^from (typer\._[\w.]+) import (.+)$", home.read_text(encoding="utf-8"), re.MULTILINE)
    assert used == [
        ("typer._click", "Command, Context, HelpFormatter, Parameter"),
        ("typer._click.exceptions", "BadParameter, ClickException, NoSuchOption, UsageError"),
        ("typer._click.types", "FLOAT"),
        ("typer._types", "TyperChoice"),
    ]
