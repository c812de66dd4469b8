"""The table of exposed services that were stopped; the others run."""

from __future__ import annotations

from oscarcli.local.state import State

SCHEMA = """
CREATE TABLE IF NOT EXISTS stopped_deployments (
    service TEXT PRIMARY KEY REFERENCES services (name) ON DELETE CASCADE
);
"""


class StoppedDeployments:
    """Which services were stopped, over restarts of the server.

    Args:
        state: the database; its schema includes `SCHEMA` and that of services.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def has(self, service: str) -> bool:
        """Tell whether a service was stopped."""
        query = "SELECT 1 FROM stopped_deployments WHERE service = ?"
        return self._state.read().execute(query, (service,)).fetchone() is not None

    def add(self, service: str) -> None:
        """Take note that a service was stopped."""
        with self._state.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO stopped_deployments VALUES (?)", (service,))

    def remove(self, service: str) -> None:
        """Take note that a service was started."""
        with self._state.transaction() as connection:
            connection.execute("DELETE FROM stopped_deployments WHERE service = ?", (service,))
