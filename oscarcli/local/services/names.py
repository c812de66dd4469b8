"""Names as Kubernetes accepts them, and the names the manager makes up."""

from __future__ import annotations

import re
import uuid

# Kubernetes cuts a name at 63 characters, so the manager shortens a long service name before the identifier.
LONG_SERVICE_NAME = 25
MAX_LONG_NAME_CHARACTERS = 16
MAX_LABEL = 63

_SERVICE = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_JOB = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")


def is_service_name(name: str) -> bool:
    """Tell whether Kubernetes would take `name` for the objects of a service (DNS-1035 label)."""
    return len(name) <= MAX_LABEL and _SERVICE.fullmatch(name) is not None


def is_dns_label(name: str) -> bool:
    """Tell whether Kubernetes would take `name` for a volume (DNS-1123 label)."""
    return len(name) <= MAX_LABEL and _DNS_LABEL.fullmatch(name) is not None


def is_job_name(name: str) -> bool:
    """Tell whether Kubernetes would take `name` for a job: a DNS name that also fits into a label."""
    return len(name) <= MAX_LABEL and _JOB.fullmatch(name) is not None


def is_label_value(value: str) -> bool:
    """Tell whether the manager accepts `value` as a service's name in a path."""
    return len(value) <= MAX_LABEL and _LABEL_VALUE.fullmatch(value) is not None


def new_job_name(service: str) -> str:
    """Return a fresh name for a job of `service`."""
    prefix = service[:MAX_LONG_NAME_CHARACTERS] if len(service) >= LONG_SERVICE_NAME else service
    return f"{prefix}-{uuid.uuid4()}"
