"""Access tokens that are asked for once and used until they end, over several runs where that can be."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from oscarcli.config.model import Cluster, TlsSettings
from oscarcli.config.private import cache_folder
from oscarcli.config.secrets import Secret, SecretKind
from oscarcli.config.token_cache import CachedToken, TokenCache, origin_of
from oscarcli.errors import AuthError, OscarError
from oscarcli.login.deferred_signals import finished_before_the_end
from oscarcli.login.logins import Logins
from oscarcli.login.tokens import AccessToken, Grant, TokenSource

if TYPE_CHECKING:
    import httpx


class Tokens:
    """The access tokens of one login.

    Args:
        source: gives a new one.
        cache: keeps it for the next run; `None` for a source that keeps it itself.
        origin: tells of which login a kept token must be, such as a digest of the refresh token.
        hide: is told each token.
        lock: keeps other processes from asking meanwhile, where that matters.
    """

    def __init__(
        self,
        source: TokenSource,
        cache: TokenCache | None,
        origin: Callable[[], str],
        hide: Callable[[str], None],
        lock: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._source = source
        self._cache = cache
        self._origin = origin
        self._hide = hide
        self._lock = lock
        self._asking = threading.Lock()
        self._held: CachedToken | None = None
        # A token of which nobody knows how long it is good is used until it is refused, in this run alone.
        self._endless = ""

    def current(self) -> str:
        """Return a token that should be good. Raises AuthError or UnreachableError when there is none."""
        with self._asking:
            if self._endless:
                return self._endless
            if self._held is None or not self._held.is_fresh(time.time()):
                self._held = self._kept(refused="")
            return self._held.value if self._held else self._asked(refused="")

    def after(self, refused: str) -> str:
        """Return a token to use after one was refused: the same one when the source has no other."""
        with self._asking:
            known = self._endless or (self._held.value if self._held else "")
            return known if known not in ("", refused) else self._asked(refused)

    def expires_at(self) -> float | None:
        """Return the last moment of the token in use, `None` when it cannot be told."""
        return self._held.expires_at if self._held else None

    def kept(self) -> CachedToken | None:
        """Return the token that is kept, fresh or not, without asking for one."""
        found = self._cache.load() if self._cache else None
        return found if found is not None and found.origin == self._origin() else None

    def _kept(self, refused: str) -> CachedToken | None:
        found = self.kept()
        if found is None or found.value == refused or not found.is_fresh(time.time()):
            return None
        self._hide(found.value)
        return found

    def _asked(self, refused: str) -> str:
        with self._lock():
            # Another process may have asked while this one waited.
            self._held, self._endless = self._kept(refused), ""
            if self._held is not None:
                return self._held.value
            token = self._source.fetch()
            self.keep(token)
            return token.value

    def keep(self, token: AccessToken) -> None:
        """Take a token that just came, and keep it as long as it is good."""
        now = time.time()
        self._hide(token.value)
        # One that is over already comes from a clock that differs from this machine's.
        if token.expires_at is None or token.expires_at <= now:
            self._endless = token.value
            return
        self._held = CachedToken(token.value, now, token.expires_at, self._origin())
        if self._cache is not None:
            self._cache.store(self._held)


def from_agent(cluster: Cluster, logins: Logins) -> Tokens:
    """Return the tokens of an account of oidc-agent, which keeps them itself and may be locked."""
    from oscarcli.login.agent import AgentSource

    source = AgentSource(cluster.oidc_account_name, logins.environ)
    return Tokens(source, None, lambda: "", logins.hide)


def from_command(cluster: Cluster, logins: Logins) -> Tokens:
    """Return the tokens that a command prints."""
    from oscarcli.login.command import CommandSource

    source = CommandSource(cluster.token_command)
    origin = origin_of(cluster.endpoint, cluster.token_command)
    return Tokens(source, cache_of(cluster, logins), lambda: origin, logins.hide)


def from_refresh_token(cluster: Cluster, logins: Logins) -> Tokens:
    """Return the tokens that a stored refresh token brings."""
    stored = StoredLogin(cluster, logins)
    cache = cache_of(cluster, logins, in_keyring=not cluster.oidc_refresh_token)
    return Tokens(stored, cache, stored.origin, logins.hide, lambda: logins.vault.locked(cluster))


def with_provider(cluster: Cluster, refresh_token: str) -> Cluster:
    """Return an entry with the provider and client that a refresh token names, unless it names others."""
    from oscarcli.login.jwt import text_claim

    return replace(
        cluster,
        oidc_issuer=cluster.oidc_issuer or text_claim(refresh_token, "iss"),
        oidc_client_id=cluster.oidc_client_id or text_claim(refresh_token, "azp", "client_id"),
    )


def revoked(cluster: Cluster, logins: Logins, refresh_token: str) -> bool:
    """Make a refresh token void at its provider and tell whether that was done. Never raises."""
    from oscarcli.login.provider import discover, revoke

    known = with_provider(cluster, refresh_token)
    try:
        with provider_connection(known.oidc_issuer, known) as connection:
            provider = discover(known.oidc_issuer, connection, trace=logins.trace)
        with provider_connection(provider.token_endpoint, known) as connection:
            return revoke(provider, refresh_token, known.oidc_client_id, connection, trace=logins.trace)
    except OscarError:
        return False


def cache_of(cluster: Cluster, logins: Logins, *, in_keyring: bool = False) -> TokenCache:
    """Return where a cluster's access token is kept between runs."""
    name = f"{cluster.identifier}\0{cluster.endpoint}"
    keyring = logins.vault.keyring if in_keyring else None
    return TokenCache(cache_folder(logins.environ), name, keyring)


class StoredLogin:
    """A refresh token on this machine, as a source of access tokens.

    Args:
        cluster: whose it is.
        logins: where it is kept.
    """

    def __init__(self, cluster: Cluster, logins: Logins) -> None:
        self._cluster = cluster
        self._logins = logins

    def origin(self) -> str:
        """Return a digest of the refresh token in force and of where it is for."""
        secret = self._secret()
        cluster = self._cluster
        return origin_of(cluster.endpoint, cluster.oidc_issuer, secret.value if secret else "")

    def fetch(self) -> AccessToken:
        """Return a new access token; a new refresh token that comes with it takes the old one's place."""
        with finished_before_the_end():
            return self._fetched()

    def _fetched(self) -> AccessToken:
        from oscarcli.login.logins import not_logged_in

        cluster, secret = self._cluster, self._secret()
        if secret is None:
            raise not_logged_in(cluster, self._logins)
        self._logins.hide(secret.value)
        self._require_own_provider(secret.value)
        try:
            grant = exchanged(secret.value, cluster, self._logins)
        except AuthError as error:
            error.hint = error.hint or f"log in again: 'oscar-cli auth login -c {cluster.identifier}'"
            raise
        if grant.refresh_token and grant.refresh_token != secret.value:
            self._renew(secret, grant.refresh_token)
        return grant.access

    def _require_own_provider(self, refresh_token: str) -> None:
        """Raise AuthError for a token of another provider than the entry names: it is none of that one's."""
        from oscarcli.login.jwt import text_claim

        issuer = text_claim(refresh_token, "iss")
        named = self._cluster.oidc_issuer
        if issuer and named and issuer.rstrip("/") != named.rstrip("/"):
            raise AuthError(
                f'the refresh token of cluster "{self._cluster.identifier}" is of another provider than '
                "oidc_issuer names",
                hint=f"log in again: 'oscar-cli auth login -c {self._cluster.identifier}'",
            )

    def _secret(self) -> Secret | None:
        vault = self._logins.vault
        return vault.find(vault.on_record(self._cluster), SecretKind.REFRESH_TOKEN)

    def _renew(self, old: Secret, new: str) -> None:
        self._logins.hide(new)
        try:
            self._logins.vault.renew(self._cluster, old.value, new)
        except OscarError as error:
            self._logins.warn(
                f'the provider replaced the refresh token of cluster "{self._cluster.identifier}", and the '
                f"new one cannot be kept: {error.message}; the next run may have to log in anew"
            )


def exchanged(refresh_token: str, cluster: Cluster, logins: Logins) -> Grant:
    """Return what a refresh token brings at the provider that an entry names. It may be good no second time.

    Raises:
        AuthError: the provider refuses it.
        UnreachableError: the provider does not answer.
    """
    from oscarcli.login.refresh import refreshed

    return refreshed(
        refresh_token,
        issuer=cluster.oidc_issuer,
        client_id=cluster.oidc_client_id,
        scopes=cluster.oidc_scopes,
        connection_for=lambda url: provider_connection(url, cluster),
        trace=logins.trace,
    )


def provider_connection(url: str, cluster: Cluster) -> httpx.Client:
    """Return connections to an identity provider on behalf of a cluster.

    Its certificate is always verified, whatever the cluster's own setting, and it is shown none of ours.
    """
    from oscarcli.http.connection import open_connection

    return open_connection(url, TlsSettings(ca_file=cluster.ca_file))
