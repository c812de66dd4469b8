"""Clusters as the file has them."""

from __future__ import annotations

from typing import Any

import pytest

from oscarcli.config.model import Cluster, parse_configuration
from oscarcli.errors import ConfigError


def cluster(**keys: Any) -> Cluster:
    return parse_configuration({"oscar": {"a": keys}}, "f").clusters["a"]


@pytest.mark.parametrize(
    ("keys", "login"),
    [
        ({}, "basic"),
        ({"auth_user": "u"}, "basic"),
        ({"oidc_refresh_token": "t", "auth_user": "u"}, "refresh-token"),
        ({"oidc_account_name": "n", "oidc_refresh_token": "t", "auth_user": "u"}, "oidc-agent"),
    ],
)
def test_the_way_to_log_in_is_chosen_in_the_references_order(keys: dict[str, str], login: str) -> None:
    assert cluster(**keys).login == login


@pytest.mark.parametrize(
    ("value", "verify"),
    [
        *[(word, True) for word in ("true", "yes", True, None, "")],
        *[(word, False) for word in ("false", "No", "off", False)],
    ],
)
def test_certificates_are_verified_unless_the_entry_says_no(value: Any, verify: bool) -> None:
    assert cluster(ssl_verify=value).ssl_verify is verify
    assert cluster().ssl_verify is True


def test_secrets_do_not_show_in_a_representation() -> None:
    shown = repr(Cluster("a", "x", auth_password="hunter2", oidc_refresh_token="hunter3"))
    assert "hunter" not in shown


def test_numbers_of_json_are_text_and_order_is_the_files() -> None:
    read = parse_configuration({"oscar": {"b": {"auth_password": 123}, "a": None, 7: {}}}, "f")
    assert read.clusters["b"].auth_password == "123"
    assert list(read.clusters) == ["b", "a", "7"]


def test_empty_keys_are_not_written_and_the_others_stand_in_the_references_order() -> None:
    assert list(Cluster("a", "x").keys()) == ["endpoint", "ssl_verify", "memory", "log_level"]
    full = Cluster("a", "x", "u", "p", "n", "t", ssl_verify=False).keys()
    assert list(full) == [
        "endpoint",
        "auth_user",
        "auth_password",
        "oidc_account_name",
        "oidc_refresh_token",
        "ssl_verify",
        "memory",
        "log_level",
    ]


def test_an_unknown_cluster_is_an_error_with_the_nearest_names() -> None:
    read = parse_configuration({"oscar": {"production": {}, "testing": {}}}, "f")
    with pytest.raises(ConfigError) as caught:
        read.cluster("prodution")
    assert caught.value.message == 'the cluster "prodution" doesn\'t exist'
    assert "did you mean production?" in str(caught.value.hint)
