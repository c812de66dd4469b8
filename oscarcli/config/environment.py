"""The cluster and the secrets that environment variables give, for machines without a configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from oscarcli.config.model import Cluster, Configuration
from oscarcli.errors import ConfigError

# No id on record can be mistaken for it.
IDENTIFIER = "(environment)"


def environment_cluster(environ: Mapping[str, str]) -> Cluster | None:
    """Return the cluster of OSCAR_CLI_ENDPOINT, `None` when that is not set.

    OSCAR_CLI_TOKEN, or OSCAR_CLI_USER and OSCAR_CLI_PASSWORD, are its login.

    Raises:
        ConfigError: variables contradict each other.
    """
    endpoint = environ.get("OSCAR_CLI_ENDPOINT", "")
    if not endpoint:
        return None
    if environ.get("OSCAR_CLI_CLUSTER"):
        raise ConfigError(
            "OSCAR_CLI_ENDPOINT and OSCAR_CLI_CLUSTER are both set and name two clusters",
            hint="unset one of them",
        )
    own = Cluster(IDENTIFIER, endpoint)
    if own.shown_endpoint != endpoint:
        raise ConfigError(
            "the URL in OSCAR_CLI_ENDPOINT holds a user or a password",
            hint="OSCAR_CLI_USER and OSCAR_CLI_PASSWORD give them",
        )
    return with_environment_secret(own, environ)


def with_environment_secret(cluster: Cluster, environ: Mapping[str, str]) -> Cluster:
    """Return a cluster with the login that the environment gives, as it is when there is none.

    Raises:
        ConfigError: variables contradict each other.
    """
    token, password = environ.get("OSCAR_CLI_TOKEN", ""), environ.get("OSCAR_CLI_PASSWORD", "")
    if token and not token.strip():
        raise ConfigError("OSCAR_CLI_TOKEN is set and holds nothing but blanks", hint="set or unset it")
    if token and password:
        raise ConfigError(
            "OSCAR_CLI_TOKEN and OSCAR_CLI_PASSWORD are both set: there is one way to log in",
            hint="unset one of them",
        )
    if token:
        return replace(cluster, token=token.strip(), from_environment=True)
    if password or cluster.identifier == IDENTIFIER:
        user = environ.get("OSCAR_CLI_USER", "") or cluster.auth_user
        return replace(_without_login(cluster), auth_user=user, auth_password=password, from_environment=True)
    return cluster


def with_environment(configuration: Configuration, environ: Mapping[str, str]) -> Configuration:
    """Return a configuration with what the environment adds to it.

    The cluster of OSCAR_CLI_ENDPOINT becomes the default one. Without it the secret of OSCAR_CLI_TOKEN or
    OSCAR_CLI_PASSWORD is for the cluster that OSCAR_CLI_CLUSTER names, or else for the default one: no
    other cluster is ever shown it.

    Raises:
        ConfigError: variables contradict each other.
    """
    own = environment_cluster(environ)
    if own is not None:
        return replace(
            configuration, clusters={**configuration.clusters, own.identifier: own}, default=own.identifier
        )
    meant = configuration.clusters.get(environ.get("OSCAR_CLI_CLUSTER") or configuration.default or "")
    if meant is None:
        return configuration
    completed = with_environment_secret(meant, environ)
    return replace(configuration, clusters={**configuration.clusters, meant.identifier: completed})


def chosen_cluster(
    named: str | None, environ: Mapping[str, str], read: Callable[[], Configuration]
) -> Cluster:
    """Return the cluster to use: the named one, the environment's, or the default one.

    Args:
        named: the id that `--cluster` gives.
        environ: environment variables.
        read: gives the configuration, with the environment's part; not called where it is not needed.

    Raises:
        ConfigError: none is chosen, or the chosen one is not on record.
    """
    if not named and (own := environment_cluster(environ)) is not None:
        return own
    chosen = named or environ.get("OSCAR_CLI_CLUSTER") or read().default
    if not chosen:
        raise read().nothing_chosen()
    return read().cluster(chosen)


def _without_login(cluster: Cluster) -> Cluster:
    return replace(
        cluster,
        oidc_account_name="",
        oidc_refresh_token="",
        token_command="",
        oidc_issuer="",
    )
