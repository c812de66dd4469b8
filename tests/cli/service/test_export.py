"""`service export` and `service edit`: a running service as files, and changed in an editor."""

from __future__ import annotations

import copy
import json
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Caller, Outcome, Runner
from tests.support.server import Answer, Request, ScriptedServer, document, text

WEB = "/system/services/web"
STORED: dict[str, Any] = {
    "name": "web",
    "cluster_id": "",
    "image": "alpine:3",
    "memory": "256Mi",
    "cpu": "0.5",
    "log_level": "INFO",
    "script": "#!/bin/sh\n\techo hello  \n",
    "token": "0" * 64,
    "owner": "cluster_admin",
    "namespace": "oscar-svc",
    "visibility": "private",
    "input": [{"storage_provider": "minio.default", "path": "web/in"}],
    "output": [],
    "expose": {"min_scale": 0, "max_scale": 0, "cpu_threshold": 0},
    "environment": {"variables": {"MODE": "yes"}, "secrets": {}},
    "labels": {"oscar_service": "web", "owner_name": "oscar", "team": "blue"},
    "storage_providers": {
        "minio": {"default": {"endpoint": "https://m", "access_key": "hidden", "secret_key": "hidden"}}
    },
    "bucket_list": [],
    "volume_status": {"enabled": False},
}
WITH_KEYS = {
    **STORED,
    "storage_providers": {
        **STORED["storage_providers"],
        "s3": {"aws": {"access_key": "AKIA", "secret_key": "top-secret", "region": "r"}},
    },
}


# -- export --------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _at_home(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(call.home)


def test_a_service_is_written_as_fdl_and_script(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", WEB, document(STORED))
    result = call("service", "export", "web")
    assert (result.code, result.out, result.err) == (0, "web/fdl.yaml\n", "")
    assert (call.home / "web/script.sh").read_text() == STORED["script"]
    fdl = yaml.safe_load((call.home / "web/fdl.yaml").read_text())
    assert fdl == {
        "functions": {
            "oscar": [
                {
                    "test": {
                        "name": "web",
                        "image": "alpine:3",
                        "script": "script.sh",
                        "memory": "256Mi",
                        "cpu": "0.5",
                        "input": STORED["input"],
                        "environment": {"variables": {"MODE": "yes"}},
                        "labels": {"team": "blue"},
                    }
                }
            ]
        }
    }
    assert sorted(path.name for path in (call.home / "web").iterdir()) == ["fdl.yaml", "script.sh"]


def test_an_export_applied_again_changes_nothing(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always("GET", WEB, document(STORED))
    assert call("service", "export", "web", "--dir", call.home / "kept").code == 0
    result = call("apply", call.home / "kept/fdl.yaml")
    assert (result.code, [call for call in server.calls() if not call.startswith("GET")]) == (0, [])


def test_an_export_can_be_changed_and_applied(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always("GET", WEB, document(STORED))
    server.expect("PUT", "/system/services", Answer(204))
    assert call("service", "export", "web", "--dir", call.home / "kept").code == 0
    path = call.home / "kept/fdl.yaml"
    path.write_text(path.read_text().replace("256Mi", "1Gi"))
    assert call("apply", call.home / "kept/fdl.yaml").code == 0
    sent = put_body(server)
    for key in ("name", "image", "cpu", "script", "owner", "labels", "input"):
        assert sent[key] == STORED[key], key
    assert sent["memory"] == "1Gi"
    assert "token" not in sent


def test_credentials_are_kept_for_the_owner_alone_and_named(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", WEB, document(WITH_KEYS))
    result = call("service", "export", "web", "--dir", call.home / "kept")
    path = call.home / "kept/fdl.yaml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "top-secret" in path.read_text()
    assert "storage_providers.s3.aws.secret_key" in result.err
    assert "top-secret" not in result.err + result.out


def test_files_that_are_there_stay_unless_forced(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always("GET", WEB, document(STORED))
    (call.home / "web").mkdir()
    (call.home / "web/script.sh").write_text("mine")
    refused = call("service", "export", "web")
    assert (refused.code, refused.out, "web/script.sh exists already" in refused.err) == (2, "", True)
    assert (call.home / "web/script.sh").read_text() == "mine"
    assert call("service", "export", "web", "--force").code == 0
    assert (call.home / "web/script.sh").read_text() == STORED["script"]


def test_a_service_without_a_script_is_exported_with_one_that_does_nothing(
    call: Caller, server: ScriptedServer
) -> None:
    call.know(server.url)
    kserve = {"type": "inference", "storage_uri": "u", "inference": {"model_format": "sklearn"}}
    model = {**STORED, "script": "", "kserve": kserve}
    server.always("GET", WEB, document(model))
    result = call("service", "export", "web")
    assert (result.code, result.out) == (0, "web/fdl.yaml\n")
    assert result.err == (
        "warning: the service has no script, which servers want of every one; here it has one that does "
        "nothing\n"
    )
    assert (call.home / "web/script.sh").read_text() == "#!/bin/sh\n"
    (entry,) = yaml.safe_load((call.home / "web/fdl.yaml").read_text())["functions"]["oscar"]
    assert entry["test"]["kserve"] == {**kserve, "set_auth": False}
    assert call("validate", "web/fdl.yaml").code == 0
    server.expect("PUT", "/system/services", Answer(204))
    assert call("apply", "web/fdl.yaml").code == 0
    assert put_body(server)["script"] == "#!/bin/sh\n"


def test_a_missing_service_leaves_no_folder(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", WEB, Answer(404))
    assert call("service", "export", "web").code == 5
    assert not (call.home / "web").exists()


def test_a_name_never_leads_out_of_the_folder(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", "/system/services/..%2Fweb", document(STORED))
    assert call("service", "export", "../web").code == 7


def test_a_folder_that_cannot_be_written_is_told(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", WEB, document(STORED))
    (call.home / "file").write_text("")
    result = call("service", "export", "web", "--dir", call.home / "file/in")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f'Error: cannot write "{call.home}/file/in/')


# -- edit ----------------------------------------------------------------------------------------

Edit = Callable[..., Outcome]


@pytest.fixture
def edit(run: Runner, tmp_path: Path) -> Edit:
    """Run `service edit web` with an editor that does `change` (Python, on the text `t`) to the file."""

    def do(change: str, **more: Any) -> Outcome:
        editor = tmp_path / "editor.py"
        editor.write_text(
            "import sys, pathlib\np = pathlib.Path(sys.argv[-1])\nt = p.read_text()\n"
            f"pathlib.Path({str(tmp_path / 'seen')!r}).write_text(t)\n{change}\np.write_text(t)\n"
        )
        command = f"{sys.executable} {editor} --flag"
        return run(
            "service",
            "edit",
            "web",
            env={"VISUAL": command, "EDITOR": "false", "TMPDIR": str(tmp_path), **more},
        )

    return do


def drafts(tmp_path: Path) -> list[Path]:
    return list(tmp_path.glob("oscar-cli-edit-*/fdl.yaml"))


def put_body(server: ScriptedServer) -> dict[str, Any]:
    (request,) = [one for one in server.requests if one.method == "PUT"]
    found: dict[str, Any] = json.loads(request.body)
    return found


def test_a_change_is_shown_and_applied(
    run: Runner, server: ScriptedServer, edit: Edit, tmp_path: Path
) -> None:
    run.know(server.url)
    server.always("GET", WEB, document(STORED))
    server.expect("PUT", "/system/services", Answer(204))
    result = edit("t = t.replace('256Mi', '1Gi').replace('echo hello', 'echo bye')")
    assert (result.code, result.out) == (0, 'Service "web" updated\n')
    lines = result.err.splitlines()
    assert "-memory: 256Mi" in lines
    assert "+memory: 1Gi" in lines
    assert "-\techo hello  " in lines
    assert "+\techo bye  " in lines
    sent = put_body(server)
    assert (sent["memory"], sent["script"]) == ("1Gi", "#!/bin/sh\n\techo bye  \n")
    assert (sent["owner"], sent["cluster_id"]) == ("cluster_admin", "")
    assert sent["labels"] == STORED["labels"]
    assert not {"token", "bucket_list", "volume_status"} & sent.keys()
    assert drafts(tmp_path) == []


def test_the_editor_gets_a_private_fdl_with_the_script_as_lines(
    run: Runner, server: ScriptedServer, edit: Edit, tmp_path: Path
) -> None:
    run.know(server.url)
    server.expect("GET", WEB, document(STORED))
    modes = "str((p.stat().st_mode, p.parent.stat().st_mode))"
    edit(f"pathlib.Path({str(tmp_path / 'modes')!r}).write_text({modes})")
    assert (tmp_path / "modes").read_text() == str((0o100600, 0o40700))
    seen = (tmp_path / "seen").read_text()
    assert "script: |\n" in seen
    assert "\techo hello  \n" in seen
    assert "0" * 64 not in seen


@pytest.mark.parametrize(
    "change",
    ["pass", "t = '# a remark\\n' + t", "t = t.replace('256Mi', '\"256Mi\"')", "t = ''", "t = ' \\n'"],
)
def test_a_file_that_says_the_same_changes_nothing(
    run: Runner, server: ScriptedServer, edit: Edit, tmp_path: Path, change: str
) -> None:
    run.know(server.url)
    server.expect("GET", WEB, document(STORED))
    result = edit(change)
    assert (result.code, result.out, result.err) == (0, 'Service "web" unchanged\n', "")
    assert drafts(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ("t = t.replace('256Mi', '256MB')", 3, 'did you mean "256Mi"'),
        ("t = t.replace('name: web', 'name: other')", 3, "names cannot change"),
        ("t = t.replace('- test:', '- elsewhere:')", 3, 'for cluster "elsewhere", not "test"'),
        ("t = t + '\\n\\tbroken: ['", 3, "mistake"),
    ],
)
def test_a_wrong_file_is_kept_and_named(
    run: Runner, server: ScriptedServer, edit: Edit, tmp_path: Path, change: str, code: int, message: str
) -> None:
    run.know(server.url)
    server.expect("GET", WEB, document(STORED))
    result = edit(change)
    assert (result.code, result.out, message in result.err) == (code, "", True)
    (draft,) = drafts(tmp_path)
    assert f"what you wrote is kept in {draft}" in result.err


@pytest.mark.parametrize(
    ("answer", "code"),
    [(text("input path cannot be empty", 400), 7), (text("Error updating the service: etcd", 500), 1)],
)
def test_what_the_server_refuses_is_kept(
    run: Runner, server: ScriptedServer, edit: Edit, tmp_path: Path, answer: Answer, code: int
) -> None:
    run.know(server.url)
    server.always("GET", WEB, document(STORED))
    server.expect("PUT", "/system/services", answer)
    result = edit("t = t.replace('256Mi', '1Gi')")
    assert (result.code, result.out, answer.body.decode() in result.err) == (code, "", True)
    assert "1Gi" in drafts(tmp_path)[0].read_text()
    assert ("it may be stored all the same" in result.err) == (code == 1)


def test_a_service_that_somebody_else_changed_is_not_overwritten(
    run: Runner, server: ScriptedServer, edit: Edit, tmp_path: Path
) -> None:
    run.know(server.url)
    server.expect("GET", WEB, document(STORED))
    server.expect("GET", WEB, document({**STORED, "cpu": "2"}))
    result = edit("t = t.replace('256Mi', '1Gi')")
    assert (result.code, "changed by somebody else" in result.err) == (7, True)
    assert len(drafts(tmp_path)) == 1


def test_secrets_stay_unless_all_are_given(
    run: Runner, server: ScriptedServer, edit: Edit, tmp_path: Path
) -> None:
    run.know(server.url)
    stored = copy.deepcopy(STORED)
    stored["environment"]["secrets"] = {"A": "", "B": ""}
    server.always("GET", WEB, document(stored))
    server.expect("PUT", "/system/services", Answer(204))
    assert edit("t = t.replace('256Mi', '1Gi')").code == 0
    assert "secrets" not in put_body(server)["environment"]
    one = edit("""t = t.replace("A: ''", "A: top-secret")""")
    assert (one.code, "would empty the secrets that have no value: B" in one.err) == (3, True)
    server.requests.clear()
    server.expect("PUT", "/system/services", Answer(204))
    both = edit("""t = t.replace("A: ''", "A: top-secret").replace("B: ''", "B: top-secret")""")
    assert put_body(server)["environment"]["secrets"] == {"A": "top-secret", "B": "top-secret"}
    assert "top-secret" not in both.out + both.err
    assert both.code == 0


def test_credentials_are_sent_back_and_never_shown(run: Runner, server: ScriptedServer, edit: Edit) -> None:
    run.know(server.url)
    server.always("GET", WEB, document(WITH_KEYS))
    server.expect("PUT", "/system/services", Answer(204))
    result = edit("t = t.replace('top-secret', 'newer-secret')")
    assert result.code == 0
    assert put_body(server)["storage_providers"]["s3"]["aws"]["secret_key"] == "newer-secret"
    assert "only values of secrets change" in result.err
    assert "secret'" not in result.err
    assert "top-secret" not in result.err
    assert "newer-secret" not in result.err


def test_traps_of_put_are_avoided(run: Runner, server: ScriptedServer, edit: Edit) -> None:
    run.know(server.url)
    stored = {
        **STORED,
        "expose": {"api_port": [80], "nodePort": [31234], "min_scale": 1, "max_scale": 2, "cpu_threshold": 0},
        "kserve": {"type": "inference", "storage_uri": "u", "inference": {"model_format": "f"}},
        "annotations": {"oscar.grycap/origin-cluster": "c"},
    }
    server.always("GET", WEB, document(stored))
    server.always("GET", "/system/info", document({"version": "v4.1.2"}))
    server.expect("PUT", "/system/services", Answer(204))
    result = edit("t = t.replace('256Mi', '1Gi')")
    assert result.code == 0
    sent = put_body(server)
    assert sent["expose"] == {"api_port": [80], "min_scale": 1, "max_scale": 2, "cpu_threshold": 0}
    assert sent["kserve"]["set_auth"] is False
    assert sent["annotations"] == stored["annotations"]
    assert "expose.nodePort is left out" in result.err


def test_ports_of_an_older_server_are_sent_in_its_form(
    run: Runner, server: ScriptedServer, edit: Edit
) -> None:
    run.know(server.url)
    stored = {
        **STORED,
        "expose": {"api_port": 80, "nodePort": 0, "min_scale": 1, "max_scale": 2, "cpu_threshold": 80},
    }
    server.always("GET", WEB, document(stored))
    server.always("GET", "/system/info", document({"version": "v3.6.0"}))
    server.expect("PUT", "/system/services", Answer(204))
    assert edit("t = t.replace('256Mi', '1Gi')").code == 0
    assert put_body(server)["expose"]["api_port"] == 80


def test_a_script_without_a_line_end_stays_one(run: Runner, server: ScriptedServer, edit: Edit) -> None:
    run.know(server.url)
    server.always("GET", WEB, document({**STORED, "script": "#!/bin/sh\necho"}))
    server.expect("PUT", "/system/services", Answer(204))
    assert edit("pass").out == 'Service "web" unchanged\n'
    assert edit("t = t.replace('256Mi', '1Gi')").code == 0
    assert put_body(server)["script"] == "#!/bin/sh\necho"


def test_a_federated_service_is_unchanged_when_it_is(run: Runner, server: ScriptedServer, edit: Edit) -> None:
    run.know(server.url)
    member = {
        "type": "oscar",
        "cluster_id": "c",
        "service_name": "s",
        "url": "",
        "priority": 0,
        "headers": None,
    }
    federation = {"group_id": "web", "topology": "star", "members": [member]}
    server.expect("GET", WEB, document({**STORED, "cluster_id": "other", "federation": federation}))
    assert edit("t += '# a remark\\n'").out == 'Service "web" unchanged\n'


def test_an_editor_that_fails_changes_nothing(
    run: Runner, server: ScriptedServer, edit: Edit, tmp_path: Path
) -> None:
    run.know(server.url)
    server.expect("GET", WEB, document(STORED))
    result = edit("sys.exit(3)")
    assert (result.code, result.out, "ended with code 3" in result.err) == (1, "", True)
    assert drafts(tmp_path) == []


@pytest.mark.parametrize("editor", ["no-such-editor-anywhere", "'unbalanced"])
def test_an_editor_that_does_not_start(run: Runner, server: ScriptedServer, editor: str) -> None:
    run.know(server.url)
    if not editor.startswith("'"):
        server.expect("GET", WEB, document(STORED))
    result = run("service", "edit", "web", env={"EDITOR": editor})
    assert (result.code, result.out) == (2, "")


def test_no_editor_and_no_terminal_is_told_before_anything(run: Runner) -> None:
    run.know("http://127.0.0.1:9")
    result = run("service", "edit", "web")
    assert (result.code, "VISUAL or EDITOR" in result.err) == (2, True)


def test_what_an_editor_writes_is_no_answer(run: Runner, server: ScriptedServer, edit: Edit) -> None:
    run.know(server.url)
    server.expect("GET", WEB, document(STORED))
    result = edit("print('hello from the editor')")
    assert result.out == 'Service "web" unchanged\n'
    assert "hello from the editor" in result.err


def test_a_missing_service_opens_no_editor(
    run: Runner, server: ScriptedServer, edit: Edit, tmp_path: Path
) -> None:
    run.know(server.url)
    server.expect("GET", WEB, Answer(404))
    assert edit("pass").code == 5
    assert not (tmp_path / "seen").exists()


def test_on_a_terminal_the_difference_has_colour(run: Runner, server: ScriptedServer, tmp_path: Path) -> None:
    run.know(server.url)
    server.always("GET", WEB, document(STORED))
    server.expect("PUT", "/system/services", Answer(204))
    result = run.terminal("service", "edit", "web", env={"EDITOR": "sed -i s/256Mi/1Gi/"})
    assert result.code == 0
    assert "\x1b[32m+memory: 1Gi\x1b[0m" in result.out
    plain = {"EDITOR": "sed -i s/256Mi/1Gi/", "NO_COLOR": "1"}
    server.expect("PUT", "/system/services", Answer(204))
    assert "\x1b" not in run.terminal("service", "edit", "web", env=plain).out


def test_ctrl_c_while_applying_keeps_the_file(
    run: Runner, server: ScriptedServer, tmp_path: Path, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    run.know(server.url)
    server.always("GET", WEB, document(STORED))

    def stall(_request: Request) -> Answer:
        server.stopping.wait(60)
        return Answer(204)

    server.expect("PUT", "/system/services", stall)
    env = {"EDITOR": "sed -i s/256Mi/1Gi/", "TMPDIR": str(tmp_path)}
    process = run.start("service", "edit", "web", env=env)
    wait_until(lambda: "PUT /system/services" in server.calls())
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"what you wrote is kept in {drafts(tmp_path)[0]}" in err.decode()
