"""A service that listens: where it is reached, and what of it cannot be here (`oscar-api` 4.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from oscarcli.local.answers import ApiError
from oscarcli.local.services.definition import INVALID

MAX_PORT = 65_535
AUTH_TYPES = ("basic", "forward")
SCALE = ("min_scale", "max_scale", "cpu_threshold")
PROBE_MODES = ("legacy", "direct")


def is_exposed(definition: Mapping[str, Any]) -> bool:
    """Tell whether a service is one that listens: its first port is not 0."""
    return bool((definition["expose"].get("api_port") or [0])[0])


def base_path(name: str) -> str:
    """Return the path below which an exposed service is reached, without a slash at its end."""
    return f"/system/services/{name}/exposed"


def refuse_unreachable(definition: Mapping[str, Any], engine: str, *, has_image: bool) -> None:
    """Refuse a service that could not listen, or that no gateway could lead to.

    Args:
        definition: the service; one that is not exposed passes.
        engine: the name of what runs it.
        has_image: whether it runs in its image.

    Raises:
        ApiError: 400, with the field and the way out.
    """
    expose = definition["expose"]
    if not is_exposed(definition):
        return
    for port in expose["api_port"]:
        if not 0 < port <= MAX_PORT:
            raise _refusal("api_port", f"{port} is no port; ports are 1 to {MAX_PORT}")
    if expose.get("nodePort"):
        path = base_path(definition["name"])
        raise _refusal("nodePort", f"the local cluster has no nodes; remove it, the service is at {path}/")
    if (expose.get("auth_type") or AUTH_TYPES[0]).lower() not in AUTH_TYPES:
        raise _refusal("auth_type", f'"{expose["auth_type"]}" is neither {" nor ".join(AUTH_TYPES)}')
    if expose["default_command"] and not has_image:
        raise _refusal(
            "default_command",
            f"the engine {engine} has no image, whose command it is; remove it and start the program in the "
            "script, or start the local cluster with --engine auto",
        )


def _refusal(field: str, sentence: str) -> ApiError:
    return ApiError(400, f"{INVALID}expose.{field}: {sentence}")


def check_scale(definition: Mapping[str, Any], failure: str) -> None:
    """Refuse what the autoscaler of a real cluster refuses.

    Args:
        definition: the service; one that is not exposed passes.
        failure: how the manager's error begins.

    Raises:
        ApiError: 500.
    """
    name, expose = definition["name"], definition["expose"]
    too_few = [key for key in SCALE if expose[key] < 1]
    if is_exposed(definition) and too_few:
        raise ApiError(
            500,
            f"{failure}error creating deployment for exposed service '{name}': "
            f'HorizontalPodAutoscaler.autoscaling "{name}-hpa" is invalid: expose.{too_few[0]}: '
            f"Invalid value: {expose[too_few[0]]}: must be greater than 0",
        )


def differences(definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield level and sentence for what of `expose` means less here, or is otherwise on a real cluster."""
    expose = definition["expose"]
    if expose["max_scale"] > 1:
        yield (
            "INFO",
            f"one replica runs here, whatever max_scale ({expose['max_scale']}) and cpu_threshold "
            f"({expose['cpu_threshold']}) say",
        )
    too_few = [key for key in SCALE if expose[key] < 1]
    if too_few:
        yield (
            "WARNING",
            f"expose.{' and '.join(too_few)} must be 1 or more on a real cluster, which refuses 0",
        )
    if len(expose["api_port"]) > 1:
        yield "WARNING", f"only the first of expose.api_port is reached: {expose['api_port'][0]}"
    mode = str(expose.get("probe_mode") or PROBE_MODES[0])
    if mode.strip().lower() not in PROBE_MODES:
        yield "WARNING", f'expose.probe_mode "{mode}" counts as "{PROBE_MODES[0]}", as on a real cluster'
    if expose.get("auth_type") and not expose["set_auth"]:
        yield "WARNING", "expose.auth_type means nothing without set_auth, as on a real cluster"
