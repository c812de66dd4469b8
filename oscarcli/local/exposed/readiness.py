"""Whether an exposed service answers, as a real cluster asks it: by HTTP, below status 400."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from typing import Any

from oscarcli.local.options import LOOPBACK
from oscarcli.local.services.exposure import base_path

SECONDS = 2.0
DIRECT = "direct"


def health_path(definition: Mapping[str, Any]) -> str:
    """Return the path that is asked for."""
    expose = definition["expose"]
    path = "/" + str(expose["health_path"]).removeprefix("/")
    is_direct = str(expose.get("probe_mode") or "").strip().lower() == DIRECT
    return path if is_direct or not expose["rewrite_target"] else base_path(definition["name"]) + path


def obstacle(definition: Mapping[str, Any], port: int) -> str | None:
    """Ask a service; return why it is not ready, `None` when it is.

    Args:
        definition: the service.
        port: where it is reached on this machine.
    """
    path = health_path(definition)
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=SECONDS)
    try:
        connection.request("GET", path, headers={"User-Agent": "kube-probe/1.0", "Connection": "close"})
        status = connection.getresponse().status
    except ConnectionRefusedError:
        return f"nothing listens at its port {definition['expose']['api_port'][0]} yet"
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"GET {path} is not answered: {error or type(error).__name__}"
    finally:
        connection.close()
    if status < 400:
        return None
    return f"GET {path} is answered by {status}; a service is ready when expose.health_path is not an error"
