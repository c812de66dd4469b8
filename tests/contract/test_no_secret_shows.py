"""Canaries: every command is run with marked secrets wherever one can be, and none of them may come out.

The cluster is as bad as can be: it quotes what it was sent, or shows secrets in its documents. Looked at
are both streams with --debug, all files that are left behind, and the arguments of all programs started.
"""

from __future__ import annotations

import base64
import importlib
import json
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_group

from oscarcli.cli.commands import COMMANDS
from tests.conftest import Caller, Runner
from tests.support.command import Outcome
from tests.support.github import CRATES
from tests.support.keyring_env import BACKENDS
from tests.support.oidc import ScriptedProvider
from tests.support.server import Answer, Request, ScriptedServer, document

PASSWORD = "canary-Password-1"
BY_COMMAND = "canary-ByCommand-2"
BY_VARIABLE = "canary-ByVariable-3"
IN_KEYRING = "canary-InKeyring-4"
OF_FDL = "canary-OfFdl-5"
OF_PROXY = "canary-OfProxy-6"
OF_SERVER = "canary-OfServer-7"
OF_SERVICE = "c0" * 32
MARKS = (PASSWORD, BY_COMMAND, BY_VARIABLE, IN_KEYRING, OF_FDL, OF_PROXY, OF_SERVER, OF_SERVICE)

FDL = f"""\
functions:
  oscar:
  - default-cluster:
      name: x
      image: alpine:3
      script: script.sh
      input: [{{storage_provider: minio.default, path: x/in}}]
      output: [{{storage_provider: minio.other, path: x/out}}]
      environment: {{variables: {{A: b}}, secrets: {{KEY: {OF_FDL}}}}}
storage_providers:
  minio:
    other: {{endpoint: "http://127.0.0.1:9", region: r, access_key: {OF_FDL}, secret_key: {OF_FDL}}}
clusters:
  far: {{endpoint: "https://x", auth_user: u, auth_password: {OF_FDL}, ssl_verify: true}}
"""
SERVICE: dict[str, Any] = {
    "name": "x",
    "token": OF_SERVICE,
    "image": "alpine:3",
    "cpu": "1",
    "memory": "1Gi",
    "script": "#!/bin/sh\n",
    "input": [{"storage_provider": "minio.default", "path": "x/in"}],
    "output": [{"storage_provider": "minio.default", "path": "x/out"}],
    "storage_providers": {
        "minio": {
            "own": {"endpoint": "http://127.0.0.1:9", "access_key": OF_SERVER, "secret_key": OF_SERVER}
        },
        "webdav": {"w": {"hostname": "h", "login": OF_SERVER, "password": OF_SERVER}},
    },
    "clusters": {"far": {"endpoint": "https://x", "auth_user": "u", "auth_password": OF_SERVER}},
    "federation": {"members": [{"type": "endpoint", "url": "u", "headers": {"Authorization": OF_SERVER}}]},
    "environment": {"variables": {}, "secrets": {"KEY": OF_SERVER}},
    "expose": {"api_port": 80, "set_auth": True},
}
JOBS = {"jobs": {"j": {"status": "Succeeded"}}, "next_page": ""}

# What each command is called with. `CLUSTER` is the server, `USER` stands for words that log in.
WORDS = {
    "apply": "fdl.yaml --force",
    "delete": "fdl.yaml --yes",
    "diff": "fdl.yaml --env-file env",
    "dev": "fdl.yaml env --once",
    "validate": "fdl.yaml bad.yaml",
    "init": "made",
    "help": "login",
    "graph": "fdl.yaml",
    "cluster add": "new CLUSTER ada --password-stdin",
    "cluster default": "",
    "cluster delete": "new",
    "cluster info": "",
    "cluster list": "",
    "cluster status": "",
    "cluster config": "",
    "cluster open": "",
    "cluster secrets move": "--to file -c pw",
    "auth login": "LOGIN",
    "auth logout": "-c pw",
    "auth status": "",
    "auth token": "",
    "service list": "",
    "service get": "x",
    "service delete": "x --yes",
    "service run": "x -i hello",
    "service job": "x -i hello",
    "service put-file": "x word.txt",
    "service get-file": "x x/out/word.txt fetched",
    "service list-files": "x minio.default x/out",
    "service delete-file": "x minio.default x/out/word.txt",
    "service map": "x made results",
    "service sync": "made x:x/in",
    "service start": "x",
    "service stop": "x",
    "service restart": "x",
    "service url": "x",
    "service system-logs": "",
    "service edit": "x",
    "service export": "x --dir exported --force",
    "service logs list": "x",
    "service logs get": "x --latest",
    "service logs delete": "x --all --yes",
    "service deployment status": "x",
    "service deployment logs": "x",
    "bucket list": "",
    "bucket get": "b",
    "bucket delete": "b --yes",
    "bucket create": "b",
    "bucket update": "b --visibility private",
    "bucket presign": "b k",
    "bucket put-file": "b word.txt in/",
    "bucket get-file": "b in/word.txt fetched",
    "bucket delete-file": "b in/word.txt",
    "bucket sync": "made b:in",
    "bucket uploads": "b",
    "hub list": "--api-base CLUSTER",
    "hub search": "word --api-base CLUSTER",
    "hub show": f"word-count --local-path {CRATES}",
    "hub deploy": f"word-count --local-path {CRATES}",
    "hub validate": f"word-count --local-path {CRATES} -n x",
    "volume list": "",
    "volume get": "v",
    "volume create": "v --size 1Gi",
    "volume delete": "v --yes",
    "metrics summary": "",
    "metrics breakdown": "",
    "metrics service": "x",
    "quota get": "u",
    "quota update": "u --cpu 1",
    "federation get": "x",
    "federation add-member": f"x --type endpoint --url http://x --header Authorization={OF_FDL}",
    "federation update": "x --cluster-id c --service-name s --priority 1",
    "federation delete": "x --cluster-id c",
    "health": "",
    "doctor": "--timeout 1",
    "local status": "",
    "local logs": "",
    "local stop": "",
    "local images list": "",
    "local images prune": "",
    "local user add": "u",
    "local user token": "u",
    "local user list": "",
    "local user remove": "u",
    "local reset": "--yes",
    "completion man": "",
    "completion bash": "",
    "completion zsh": "",
    "completion fish": "",
    "completion powershell": "",
    "version": "",
}
# The server that one starts is looked at in a test of its own; the other needs a terminal, and has its tests.
NOT_HERE = ("local start", "interactive")
# Where secrets are meant to be: given by the test, or kept where the user can find them, for nobody else.
GIVEN = ("fdl.yaml", "bad.yaml", "env", "giver.py", "keyring.json")
KEPT = (".oscar-cli/config.yaml", ".cache/oscar-cli/tokens/", "exported/fdl.yaml")

STARTED: list[str] = []


def _listen(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"):
        STARTED.append(repr(arguments[:2]))


sys.addaudithook(_listen)


class BadServer(ScriptedServer):
    """A cluster that quotes what it was sent, or answers with secrets."""

    quotes = False

    def reply_to(self, request: Request) -> Answer:
        """Take any request."""
        self.requests.append(request)
        login = request.headers.get("authorization", "")
        if self.quotes:
            plain = base64.b64decode(login[6:]).decode() if login.startswith("Basic ") else login
            said = f"{plain} {login} {dict(request.headers)} {request.body.decode(errors='replace')}"
            return Answer(400 if request.method == "GET" else 500, said.encode())
        return document(self._found(request.path))

    def _found(self, path: str) -> Any:
        minio = {"endpoint": self.url, "access_key": OF_SERVER, "secret_key": OF_SERVER, "verify": True}
        found: dict[str, Any] = {
            "/system/services": [SERVICE],
            "/system/services/x": SERVICE,
            "/system/config": {"config": {"name": "oscar"}, "minio_provider": {**minio, "region": "r"}},
            "/system/info": {"version": "v4.1.2"},
            "/system/logs/x": JOBS,
            "/system/federation/x": SERVICE["federation"],
            "/system/buckets": [{"bucket_name": "b"}],
            "/system/volumes": [{"name": "v"}],
        }
        return found.get(path, {"name": "x", "objects": [], "logs": []})


@dataclass
class Scene:
    """A world with secrets in it, and one login to use.

    Attributes:
        call: runs the program.
        server: the cluster.
        env: environment variables.
        chosen: words that choose the login.
        login: words that log in anew.
        found: what came out although it should not.
    """

    call: Caller
    server: BadServer
    provider: ScriptedProvider
    env: dict[str, str]
    chosen: tuple[str, ...]
    login: str
    found: list[str] = field(default_factory=list)

    def marks(self) -> list[str]:
        """Return all that must not be seen: what is marked, and what the provider gave out."""
        basic = base64.b64encode(f"ada:{PASSWORD}".encode()).decode()
        return [*MARKS, basic, *self.provider.given()]

    def run(self, name: str) -> Outcome:
        """Run a command and look at all that came of it."""
        given = WORDS[name].replace("CLUSTER", self.server.url).replace("LOGIN", self.login).split()
        chosen = () if "-c" in given else self.chosen
        STARTED.clear()
        # An editor needs real streams.
        call = Runner(self.call.home, self.call.environ) if name == "service edit" else self.call
        result = call(*name.split(), *given, *chosen, "--debug", input=PASSWORD, env=self.env)
        shown = result.err if name == "auth token" else result.out + result.err
        places = {"output": shown, "arguments of programs": "\n".join(STARTED)}
        for place, text in places.items():
            # The member's header was an argument of ours, and stays where it was given.
            self.found += [f"{name}: {mark} in {place}: {text}" for mark in self.marks() if mark in text]
        return result

    def search_files(self) -> None:
        """Look into every file of this world."""
        for path in self.call.home.rglob("*"):
            name = str(path.relative_to(self.call.home))
            if not path.is_file() or name in GIVEN:
                continue
            content = path.read_bytes().decode(errors="replace")
            if name.startswith(KEPT):
                mode = stat.S_IMODE(path.stat().st_mode)
                assert mode == 0o600 or not any(mark in content for mark in self.marks()), (name, oct(mode))
            else:
                self.found += [f"{mark} in {name}" for mark in self.marks() if mark in content]


LOGINS = ("pw", "oidc", "cmd", "kr", "variable")
# Each is four seconds: every run has one login of either kind, and one cluster of either kind.
DAILY = (("pw", True), ("oidc", False))
SCENES = [
    pytest.param(
        login,
        quotes,
        marks=() if (login, quotes) in DAILY else pytest.mark.thorough,
        id=f"{'quoting' if quotes else 'telling'}-{login}",
    )
    for quotes in (True, False)
    for login in LOGINS
]


@pytest.fixture
def bad_server() -> Iterator[BadServer]:
    server = BadServer()
    with server:
        yield server


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as scripted:
        scripted.interval = 1
        yield scripted


@pytest.fixture
def scene(
    call: Caller,
    bad_server: BadServer,
    provider: ScriptedProvider,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Scene:
    login: str = request.param
    home = call.home
    monkeypatch.syspath_prepend(str(BACKENDS))
    monkeypatch.chdir(home)
    files = {
        "fdl.yaml": FDL,
        "bad.yaml": FDL.replace(f"KEY: {OF_FDL}", f"KEY: [{OF_FDL}]").replace("cpu", "cpv"),
        "env": f"KEY={OF_FDL}\n",
        "script.sh": "#!/bin/sh\n",
        "word.txt": "word",
        "giver.py": f"import sys\nsys.stderr.write('{BY_COMMAND}')\nprint('{BY_COMMAND}')\n",
    }
    for name, content in files.items():
        (home / name).write_text(content)
    url = bad_server.url
    clusters: dict[str, dict[str, Any]] = {
        "pw": {"endpoint": url, "auth_user": "ada", "auth_password": PASSWORD},
        "oidc": {"endpoint": url, "oidc_refresh_token": provider.log_in()},
        "cmd": {"endpoint": url, "token_command": f"{sys.executable} {home / 'giver.py'}"},
        "kr": {"endpoint": url, "auth_user": "ada"},
    }
    call.write_config(yaml.safe_dump({"oscar": clusters, "default": "pw"}))
    (home / "keyring.json").write_text(json.dumps({f"oscar-cli {url}": {"kr: password of ada": IN_KEYRING}}))
    (home / "keyring.json").chmod(0o600)
    env = {
        "PYTHON_KEYRING_BACKEND": "file_keyring.FileKeyring",
        "PYTHONPATH": str(BACKENDS),
        "TEST_KEYRING_FILE": str(home / "keyring.json"),
        "HTTP_PROXY": f"http://me:{OF_PROXY}@127.0.0.1:9",
        "EDITOR": "sed -i s/alpine/busybox/",
    }
    if login == "variable":
        env |= {"OSCAR_CLI_ENDPOINT": url, "OSCAR_CLI_TOKEN": BY_VARIABLE}
    words = {"pw": "--password-stdin", "kr": "--password-stdin", "oidc": "--device"}.get(login, "")
    chosen = () if login == "variable" else ("-c", login)
    _use_file_keyring(monkeypatch)
    return Scene(call, bad_server, provider, env, chosen, words)


def _use_file_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process, which has asked for a keyring before perhaps, use the one in a file."""
    import keyring.core

    file_keyring = importlib.import_module("file_keyring")
    monkeypatch.setattr(keyring.core, "_keyring_backend", file_keyring.FileKeyring())


def all_commands() -> Iterator[str]:
    """Yield the words of every command."""

    def below(path: str, command: Any) -> Iterator[str]:
        children = getattr(command, "commands", {})
        if not children:
            yield path
        for names, child in children.items():
            yield from below(f"{path} {names.split(', ')[0]}", child)

    for entry in COMMANDS:
        group: Any = get_group(importlib.import_module(f"oscarcli.cli.{entry.module}").app)
        yield from below(entry.name, group if entry.is_noun else group.commands[entry.names])


def test_every_command_is_here() -> None:
    assert sorted([*WORDS, *NOT_HERE]) == sorted(all_commands())


@pytest.mark.parametrize(("scene", "quotes"), SCENES, indirect=["scene"])
def test_no_command_shows_a_secret(scene: Scene, quotes: bool) -> None:
    scene.server.quotes = quotes
    for name in WORDS:
        result = scene.run(name)
        # Words that are wrong would show little.
        assert result.code != 2 or "environment" in result.err, (name, result.err)
    scene.search_files()
    assert scene.found == []
    # The canaries were there to be seen.
    sent = " ".join(request.headers.get("authorization", "") for request in scene.server.requests)
    assert len(set(sent.split())) > 1


def test_secrets_on_the_command_line_are_shown_by_nobody_else(call: Caller, bad_server: BadServer) -> None:
    """They are accepted for old scripts; a warning names the safer way."""
    bad_server.quotes = True
    call.know(bad_server.url)
    for words, safer in (
        (f"cluster add a {bad_server.url} ada {PASSWORD}", "--password-stdin"),
        (f"cluster add b {bad_server.url} -t {PASSWORD} --oidc-issuer https://x --oidc-client-id c", "-t -"),
        (f"service run x -i x -e {bad_server.url} -t {PASSWORD}", "OSCAR_CLI_TOKEN"),
        (f"service job x -i x -e {bad_server.url} -t {PASSWORD}", "OSCAR_CLI_TOKEN"),
    ):
        result = call(*words.split(), "--debug")
        assert PASSWORD not in result.out + result.err
        assert safer in result.err.splitlines()[0]


def test_a_local_clusters_process_shows_no_secret(run: Runner) -> None:
    env = {"OSCAR_CLI_PASSWORD": PASSWORD, "PWD": str(run.home)}
    words = ("local", "start", "--port", "0", "--s3-port", "0", "--debug")
    started = run(*words, env=env)
    try:
        assert started.code == 0, started.err
        own = yaml.safe_load(run.config.read_text())["oscar"]["local"]["auth_password"]
        shown = [started.out, started.err]
        for verb in (["local", "status"], ["local", "logs"], ["cluster", "list"], ["auth", "status"]):
            result = run(*verb, "--debug")
            shown += [result.out, result.err]
        processes = [
            (path / part).read_bytes().decode(errors="replace")
            for path in Path("/proc").glob("[0-9]*")
            if _is_of(path, run.home)
            for part in ("cmdline", "environ")
        ]
        assert len(processes) >= 2
        for text in (*shown, *processes):
            assert own not in text
            assert PASSWORD not in text
    finally:
        run("local", "stop")


def _is_of(process: Path, home: Path) -> bool:
    """Tell whether a process is the server of this home."""
    try:
        return str(home).encode() in (process / "environ").read_bytes()
    except OSError:
        return False
