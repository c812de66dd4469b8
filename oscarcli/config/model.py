"""Clusters as the configuration file has them, in the reference client's keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from oscarcli.coercion import YAML_TRUTH
from oscarcli.errors import ConfigError

LOGIN_IN_URL = re.compile(r"//[^/?#]*@")
HOW_TO_BEGIN = (
    "'oscar-cli local start' makes one on this machine, "
    "'oscar-cli cluster add ID ENDPOINT' adds one that exists"
)
# Keys of an entry that the reference client does not know.
OWN_KEYS = (
    "token_command",
    "oidc_issuer",
    "oidc_client_id",
    "oidc_scopes",
    "ca_file",
    "client_cert",
    "client_key",
    "local_data_dir",
)


@dataclass(frozen=True)
class TlsSettings:
    """Whom TLS trusts, and what this side shows of itself.

    Attributes:
        verify: whether certificates are checked at all.
        ca_file: certificates to trust beside the system's; a path, or empty.
        client_cert, client_key: what this side shows; paths, or empty. The key may be in the first file.
    """

    verify: bool = True
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""


@dataclass(frozen=True)
class Cluster:
    """One entry below `oscar:`.

    Secrets stay out of `repr`, and with it out of tracebacks. The keys of `OWN_KEYS` are this program's:
    the reference client does not read them, and drops them when it writes the file.
    """

    identifier: str
    endpoint: str
    auth_user: str = ""
    auth_password: str = field(default="", repr=False)
    oidc_account_name: str = ""
    oidc_refresh_token: str = field(default="", repr=False)
    ssl_verify: bool = True
    token_command: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_scopes: str = ""
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""
    # Where a local cluster has its data, when that is not the place its id tells.
    local_data_dir: str = ""
    # Only from the environment, never from the file.
    token: str = field(default="", repr=False)
    from_environment: bool = False

    @property
    def login(self) -> str:
        """The way to log in: a token, oidc-agent, refresh token, token command, basic.

        Where the reference knows the ways, the order is the reference's. A refresh token may be kept
        elsewhere; then the issuer tells.
        """
        if self.token:
            return "token"
        if self.oidc_account_name:
            return "oidc-agent"
        if self.oidc_refresh_token:
            return "refresh-token"
        if self.token_command:
            return "token-command"
        return "refresh-token" if self.oidc_issuer else "basic"

    @property
    def shown_endpoint(self) -> str:
        """The endpoint without a login that somebody may have written into it."""
        return LOGIN_IN_URL.sub("//***@", self.endpoint)

    @property
    def tls(self) -> TlsSettings:
        """Whom TLS trusts, and what it shows."""
        return TlsSettings(self.ssl_verify, self.ca_file, self.client_cert, self.client_key)

    def keys(self) -> dict[str, Any]:
        """Return the entry's keys in the reference's order; empty ones are absent, as it writes them.

        `memory` and `log_level` are never read by anyone, but the reference always writes them.
        """
        optional = {
            "auth_user": self.auth_user,
            "auth_password": self.auth_password,
            "oidc_account_name": self.oidc_account_name,
            "oidc_refresh_token": self.oidc_refresh_token,
        }
        return {
            "endpoint": self.endpoint,
            **{key: value for key, value in optional.items() if value},
            "ssl_verify": self.ssl_verify,
            "memory": "256Mi",
            "log_level": "INFO",
            **{key: value for key in OWN_KEYS if (value := getattr(self, key))},
        }


@dataclass(frozen=True)
class Configuration:
    """The file's content: clusters in file order, the default's id, and what was odd about the file."""

    clusters: Mapping[str, Cluster]
    default: str | None = None
    warnings: tuple[str, ...] = ()

    def cluster(self, identifier: str) -> Cluster:
        """Return a cluster. Raises ConfigError, with the nearest ids, when it is not on record."""
        if identifier not in self.clusters:
            if not self.clusters:
                raise ConfigError(f'the cluster "{identifier}" doesn\'t exist', hint=HOW_TO_BEGIN)
            close = get_close_matches(identifier, self.clusters, n=3)
            nearest = f"did you mean {' or '.join(close)}? " if close else ""
            raise ConfigError(
                f'the cluster "{identifier}" doesn\'t exist',
                hint=f"{nearest}'oscar-cli cluster list' shows them, 'oscar-cli cluster add {identifier} "
                "ENDPOINT USERNAME' adds one",
            )
        return self.clusters[identifier]

    def nothing_chosen(self) -> ConfigError:
        """Return the error for a command that needs a cluster when none is named and none is the default."""
        if not self.clusters:
            return ConfigError("there is no cluster yet", hint=HOW_TO_BEGIN)
        return ConfigError(
            "no cluster is chosen and there is no default one",
            hint=f"name one with --cluster ID, such as {min(self.clusters)}, or make one the default with "
            "'oscar-cli cluster default --set ID'",
        )


def parse_configuration(document: Any, path: str) -> Configuration:
    """Build the configuration from a parsed document.

    Args:
        document: what the file holds; `None` for an empty one. Scalars may be text as written.
        path: the file's name, for messages.

    Raises:
        ConfigError: a part has the wrong shape.
    """
    top = _mapping(document, path, "the file")
    entries = _mapping(top.get("oscar"), path, "oscar")
    clusters = {str(key): _cluster(str(key), value, path) for key, value in entries.items()}
    default = top.get("default")
    return Configuration(clusters, str(default) if default else None)


def _cluster(identifier: str, value: Any, path: str) -> Cluster:
    keys = _mapping(value, path, f"oscar.{identifier}")

    def text(key: str) -> str:
        found = keys.get(key)
        if isinstance(found, (dict, list)):
            raise ConfigError(f"{path}: oscar.{identifier}.{key}: expected text")
        return "" if found is None else str(found).lower() if isinstance(found, bool) else str(found)

    return Cluster(
        identifier,
        endpoint=text("endpoint"),
        auth_user=text("auth_user"),
        auth_password=text("auth_password"),
        oidc_account_name=text("oidc_account_name"),
        oidc_refresh_token=text("oidc_refresh_token"),
        ssl_verify=_verify(text("ssl_verify"), f"{path}: oscar.{identifier}.ssl_verify"),
        token_command=text("token_command"),
        oidc_issuer=text("oidc_issuer"),
        oidc_client_id=text("oidc_client_id"),
        oidc_scopes=text("oidc_scopes"),
        ca_file=text("ca_file"),
        client_cert=text("client_cert"),
        client_key=text("client_key"),
        local_data_dir=text("local_data_dir"),
    )


def _verify(text: str, place: str) -> bool:
    # Missing means verify: the reference takes it as "do not", which nobody who forgot the key wants.
    verify = YAML_TRUTH.read(text) if text else True
    if verify is None:
        raise ConfigError(f'{place}: expected true or false, found "{text}"')
    return verify


def _mapping(value: Any, path: str, place: str) -> dict[Any, Any]:
    if value is None or value == "":
        return {}
    if not isinstance(value, dict):
        found = "a list" if isinstance(value, list) else "text"
        raise ConfigError(
            f"{path}: {place}: expected keys and values, found {found}",
            hint="mend the file by hand, or name another one with --config",
        )
    return value
