"""Which jobs of users may run now: those within the quotas of cores, memory, disk and GPUs.

On a real cluster Kueue holds the others back. Nothing of the cluster's own account is ever held.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from oscarcli.local.services.definition import Definition
from oscarcli.local.services.quotas import Quotas, exceeds

# The manager's words for a synchronous run that is not admitted.
REFUSED = "invalid workload: try to reduce the service resource (cpu, memory, etc.)"


class Admission:
    """Holds back jobs of users whose quota is used up.

    Args:
        quotas: what was set for users.
        is_user: tells whether the owner of a service is a user.
    """

    def __init__(self, quotas: Quotas, is_user: Callable[[str], bool]) -> None:
        self._quotas = quotas
        self._is_user = is_user

    def is_held(self, definition: Definition, running: Sequence[Definition]) -> bool:
        """Tell whether a run of a service has to wait.

        Args:
            definition: the service.
            running: the services of all running jobs, once for each job.
        """
        owner = definition["owner"]
        if not self._is_user(owner):
            return False
        settings = self._quotas.get(owner)
        return bool(settings) and exceeds(
            settings, definition, (other for other in running if other["owner"] == owner)
        )
