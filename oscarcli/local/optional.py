"""The parts of a cluster that most clusters never need: imported with their first use.

A cluster on this machine itself, without users, images, mounts and federations, starts sooner without them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from oscarcli.local.options import ISSUER_PATH

if TYPE_CHECKING:
    from oscarcli.local.folder import DataFolder
    from oscarcli.local.images.pulls import Pulls
    from oscarcli.local.jobs.federation.workers import FederationWorkers, OwnStore
    from oscarcli.local.jobs.mounts.mounts import AccountOf, Mounts
    from oscarcli.local.jobs.providers.output_buckets import OutputBuckets
    from oscarcli.local.objects.s3.signatures import Accounts
    from oscarcli.local.objects.store import ObjectStore
    from oscarcli.local.state import State
    from oscarcli.local.users.issuer import OpenIdIssuer
    from oscarcli.local.users.table import Users
    from oscarcli.local.users.tokens import IssuedTokens


def users_in(state: State) -> Users:
    """Return the users, with their tables.

    Raises:
        OscarError: the libraries of the extra `users` are not installed.
    """
    from oscarcli.local.users.table import SCHEMA, Users
    from oscarcli.local.users.tokens import require_library

    require_library()
    state.make_tables([SCHEMA])
    return Users(state)


def issuer_for(users: Users, endpoint: str) -> tuple[IssuedTokens, OpenIdIssuer]:
    """Return the issuer of users' tokens below the REST API's endpoint."""
    from oscarcli.local.users.issuer import OpenIdIssuer
    from oscarcli.local.users.tokens import IssuedTokens

    tokens = IssuedTokens(users, endpoint + ISSUER_PATH)
    return tokens, OpenIdIssuer(users, tokens)


def pulls_in(state: State, folder: DataFolder, policy: str) -> Pulls:
    """Return what gets images; `policy` says when it asks the registry."""
    from oscarcli.local.images.authentication import PullSecrets
    from oscarcli.local.images.pulls import Pulls
    from oscarcli.local.images.table import ImageTable

    return Pulls(ImageTable(state), PullSecrets(folder.pull_secrets), policy)


def mounts_in(
    state: State, folder: Path, store: ObjectStore, accounts: Accounts, account_of: AccountOf
) -> Mounts:
    """Return what has the mounted buckets."""
    from oscarcli.local.jobs.mounts.mounts import Mounts

    return Mounts(state, folder, store, accounts, account_of)


def workers_with(own_store: OwnStore) -> FederationWorkers:
    """Return what looks after the services at the members of federations."""
    from oscarcli.local.jobs.federation.workers import FederationWorkers

    return FederationWorkers(own_store)


def output_buckets_of(store: ObjectStore, *, strict: bool) -> OutputBuckets:
    """Return what makes the buckets of outputs at other providers; `strict` as for services."""
    from oscarcli.local.jobs.providers.output_buckets import OutputBuckets

    return OutputBuckets(store, strict=strict)
