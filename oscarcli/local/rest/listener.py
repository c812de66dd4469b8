"""The REST API's listener side: credentials, routing, and errors turned into answers."""

from __future__ import annotations

import logging
import sqlite3
import time
from typing import TYPE_CHECKING

from oscarcli.local.answers import ApiError, text
from oscarcli.local.http.messages import ConnectionLost, Request, Response
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.options import ISSUER_PATH
from oscarcli.local.rest import buckets, exposed, federation, jobs, metrics, quotas, services, system, volumes
from oscarcli.local.rest.auth import authenticated, uid_of
from oscarcli.local.rest.routes import Call, Router
from oscarcli.local.users.access import ADMIN

if TYPE_CHECKING:
    from oscarcli.local.cluster import LocalCluster

log = logging.getLogger(__name__)

LOGGED = ("/job", "/run")


class Api:
    """Answers the REST API's requests.

    Args:
        cluster: what the routes work on.
    """

    def __init__(self, cluster: LocalCluster) -> None:
        self._cluster = cluster
        self._router = Router(
            [
                *system.ROUTES,
                *services.ROUTES,
                *exposed.ROUTES,
                *federation.ROUTES,
                *jobs.ROUTES,
                *buckets.ROUTES,
                *volumes.ROUTES,
                *metrics.ROUTES,
                *quotas.ROUTES,
            ]
        )

    def handle(self, request: Request) -> Response:
        """Answer one request; a failure of ours is an empty 500, as the manager's is."""
        started = time.monotonic()
        try:
            response = self._answer(request)
        except ApiError as error:
            response = error.response()
        except S3Error as error:
            response = text(error.message, error.status if error.status == 507 else 500)
        except ConnectionLost:
            raise
        except sqlite3.OperationalError as error:
            log.error("%s %s: %s", request.method, request.path, error)
            response = text(f"the local cluster's database failed: {error}", 500)
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            response = Response(500)
        if request.method == "POST" and request.path.startswith(LOGGED):
            # As the manager's log names who has the service's token.
            other = "oscar" if request.path.startswith("/run") else "nil"
            user = uid_of(request.headers, self._cluster.tokens) or other
            self._cluster.requests.add(request, response.status, time.monotonic() - started, user)
        return response

    def _answer(self, request: Request) -> Response:
        openid = self._cluster.openid
        if openid is not None and request.path.startswith(f"{ISSUER_PATH}/"):
            return openid.handle(request, request.path.removeprefix(ISSUER_PATH))
        called = exposed.answer(self._cluster, request)
        if called is not None:
            return called
        found = self._router.find(request.method, request.path)
        if found is None:
            return self._router.missing(request)
        route, values = found
        caller = authenticated(request.headers, self._cluster) if route.basic else ADMIN
        return route.handler(Call(self._cluster, request, values, caller))
