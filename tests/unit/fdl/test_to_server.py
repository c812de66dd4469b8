"""What is sent: the server's version, and what PUT would forget."""

from __future__ import annotations

from typing import Any

import pytest

from oscarcli.errors import RefusedError
from oscarcli.fdl.to_server import has_ports, to_server


def exposed(**keys: Any) -> dict[str, Any]:
    return {"name": "x", "expose": keys}


@pytest.mark.parametrize("version", ["4.1.0", "v4.1.2", "4.10", "5.0", "devel", "", "None", "local-0.1.0"])
def test_ports_are_lists_for_new_servers(version: str) -> None:
    expose = to_server(exposed(api_port=[80], nodePort=[0]), None, version)["expose"]
    assert (expose["api_port"], expose["nodePort"]) == ([80], [0])


@pytest.mark.parametrize("version", ["4.0.3", "v4.0", "3.6.5"])
def test_ports_are_numbers_for_old_servers(version: str) -> None:
    expose = to_server(exposed(api_port=[80], nodePort=[30500]), None, version)["expose"]
    assert (expose["api_port"], expose["nodePort"]) == (80, 30500)


def test_an_old_server_takes_one_port() -> None:
    with pytest.raises(RefusedError, match=r"expose\.api_port has 2 ports; OSCAR v4\.0\.1 takes one"):
        to_server(exposed(api_port=[80, 81]), None, "v4.0.1")


def test_port_zero_means_not_exposed() -> None:
    assert to_server(exposed(api_port=[0], nodePort=[0], min_scale=1), None, "4.1.0")["expose"] == {
        "min_scale": 1
    }


def test_defaults_that_servers_do_not_apply_are_sent() -> None:
    expose = to_server(exposed(api_port=[80]), None, "4.1.0")["expose"]
    assert expose == {"api_port": [80], "min_scale": 1, "max_scale": 10, "cpu_threshold": 80}
    assert to_server(exposed(api_port=[80], min_scale=12), None, "4.1.0")["expose"]["max_scale"] == 12
    given = exposed(api_port=[80], min_scale=2, max_scale=3, cpu_threshold=50)
    assert to_server(given, None, "4.1.0") == given
    assert to_server(exposed(), None, None)["expose"] == {}


def test_only_ports_depend_on_the_version() -> None:
    assert has_ports(exposed(api_port=[80]))
    assert has_ports(exposed(nodePort=[0]))
    assert not has_ports(exposed(min_scale=1))
    assert not has_ports({"name": "x"})


def test_an_edit_keeps_what_the_server_set_at_creation() -> None:
    stored = {
        "owner": "somebody",
        "vo": "vo.example.org",
        "labels": {"owner_name": "Some_Body", "uid": "u1", "queue": "root.x", "mine": "dropped"},
        "token": "t" * 64,
        "namespace": "ns",
        "bucket_list": ["b"],
        "environment": {"variables": {"A": "1"}, "secrets": {"S": ""}},
        "expose": {"nodePort": [30123]},
    }
    document = to_server({"name": "x", "labels": {"new": "1", "queue": "own"}}, stored, None)
    assert document == {
        "name": "x",
        "owner": "somebody",
        "vo": "vo.example.org",
        "labels": {"owner_name": "Some_Body", "uid": "u1", "queue": "root.x", "new": "1"},
    }


def test_what_the_file_says_goes_before_what_is_stored_but_for_the_owner() -> None:
    """A creation listens to nobody about the owner, so an update must not either."""
    assert to_server({"owner": "me", "vo": "v"}, {"owner": "you", "vo": "w"}, None) == {
        "owner": "you",
        "vo": "v",
    }
    # A service that lost its owner can be given one again.
    assert to_server({"owner": "me"}, {"owner": ""}, None) == {"owner": "me"}


def test_creating_adds_nothing() -> None:
    definition = {"name": "x", "environment": {"secrets": {"S": ""}}, "kserve": {"type": "inference"}}
    assert to_server(definition, None, None) == definition


@pytest.mark.parametrize(
    ("stored", "expected"), [({"set_auth": True}, True), ({}, False), ({"set_auth": False}, False)]
)
def test_an_edit_names_kserve_s_authentication(stored: dict[str, Any], expected: bool) -> None:
    assert to_server({"kserve": {}}, {"kserve": stored}, None)["kserve"] == {"set_auth": expected}
    assert to_server({"kserve": {"set_auth": True}}, {"kserve": stored}, None)["kserve"] == {"set_auth": True}


@pytest.mark.parametrize(
    ("given", "stored", "expected"),
    [
        # Names alone: the values on the server stay.
        ({"S": ""}, {"S": ""}, None),
        # A new value, or other names: all of them are replaced.
        ({"S": "v"}, {"S": ""}, {"S": "v"}),
        ({"S": "", "T": "v"}, {"S": "", "T": ""}, {"S": "", "T": "v"}),
        ({"S": ""}, {"T": ""}, {"S": ""}),
        ({"S": ""}, {}, {"S": ""}),
    ],
)
def test_stored_secrets_are_not_emptied_by_their_names(
    given: dict[str, str], stored: dict[str, str], expected: dict[str, str] | None
) -> None:
    document = to_server({"environment": {"secrets": given}}, {"environment": {"secrets": stored}}, None)
    assert document["environment"].get("secrets") == expected


def test_the_definition_itself_is_left_alone() -> None:
    definition = exposed(api_port=[80])
    to_server(definition, {"labels": {"uid": "u"}}, "4.0.0")
    assert definition == exposed(api_port=[80])
