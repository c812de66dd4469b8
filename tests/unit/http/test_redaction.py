"""Secrets in documents: all of them are masked, and nothing else is."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from oscarcli.http.redaction import is_secret_path, mask_document, secret_paths, secret_values

SERVICE: dict[str, Any] = {
    "name": "x",
    "token": "top-secret",
    "storage_providers": {
        "minio": {
            "default": {"endpoint": "https://m", "access_key": "hidden", "secret_key": "hidden"},
            "other": {"access_key": "top-secret", "secret_key": "top-secret", "region": "r", "verify": True},
        },
        "s3": {"aws": {"access_key": "top-secret", "secret_key": "top-secret", "region": "r"}},
        "onedata": {"o": {"oneprovider_host": "h", "token": "top-secret", "space": "s"}},
        "webdav": {"w": {"hostname": "h", "login": "top-secret", "password": "top-secret"}},
        "rucio": {"r": {"host": "h", "account": "a", "refresh_token": "top-secret"}},
    },
    "clusters": {"c": {"endpoint": "e", "auth_user": "u", "auth_password": "top-secret", "ssl_verify": True}},
    "federation": {
        "members": [{"type": "endpoint", "headers": {"Authorization": "top-secret"}, "priority": 0}]
    },
    "newer": {"thing": [{"password": "top-secret", "size": 1}]},
    "environment": {
        "variables": {"token": "shown", "password": "shown"},
        "secrets": {"KEY": "top-secret", "EMPTY": ""},
    },
    "labels": {"token": "shown"},
    "annotations": {"login": "shown"},
}


def test_every_kind_of_secret_is_masked_and_nothing_else_is_touched() -> None:
    before = copy.deepcopy(SERVICE)
    shown = mask_document(SERVICE)
    assert before == SERVICE, "the original stays"
    assert "top-secret" not in json.dumps(shown)
    assert json.loads(json.dumps(SERVICE).replace("top-secret", "***")) == shown


@pytest.mark.parametrize(
    "service",
    [
        {},
        {"token": "", "storage_providers": None, "environment": None, "clusters": [], "federation": None},
        {"environment": {"secrets": None}, "storage_providers": {"minio": None}},
        {"token": 7, "environment": {"secrets": []}},
    ],
)
def test_odd_documents_are_masked_without_complaint(service: dict[str, Any]) -> None:
    assert mask_document(service) == service


def test_secrets_can_be_listed_to_be_hidden_elsewhere() -> None:
    assert set(secret_values(SERVICE)) == {"top-secret"}
    assert len(secret_values(SERVICE)) == json.dumps(SERVICE).count("top-secret")
    assert secret_values([{"token": ""}, 1, None, {"variables": {"token": "shown"}}]) == []


def test_a_provider_may_be_called_as_a_section_is() -> None:
    keys = {"access_key": "top-secret", "secret_key": "top-secret", "region": "r"}
    called = {"s3": {"labels": keys, "secrets": keys, "headers": keys, "token": keys}}
    document = {"storage_providers": called, "clusters": {"variables": {"auth_password": "top-secret"}}}
    expected = [f"storage_providers.s3.{name}.{key}" for name in called["s3"] for key in list(keys)[:2]]
    found = [".".join(map(str, path)) for path in secret_paths(document)]
    assert found == [*expected, "clusters.variables.auth_password"]
    assert all(is_secret_path(path) for path in secret_paths(document))
    assert not is_secret_path(("storage_providers", "s3", "secrets", "region"))
    assert "top-secret" not in json.dumps(mask_document(document))
