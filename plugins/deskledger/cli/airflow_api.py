"""Airflow's public REST API, as a person with a name and a password uses it."""

from typing import Any

import httpx

from deskledger.errors import DeskledgerError

REVIEW = {"dag_id": "close", "task_id": "review"}
_TIMEOUT_SECONDS = 120  # on a machine that is busy with other things, too


class AirflowApi:
    """One user's view of one Airflow. Raises DeskledgerError with the server's words for any refusal."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self.user = user
        self._password = password
        self._client = httpx.Client(base_url=url, timeout=_TIMEOUT_SECONDS)

    def is_healthy(self) -> bool:
        answer = self._client.get("/api/v2/monitor/health")
        health = answer.json() if answer.is_success else {}
        parts = ("metadatabase", "scheduler", "dag_processor")
        return all(health.get(part, {}).get("status") == "healthy" for part in parts)

    def dags(self) -> set[str]:
        return {dag["dag_id"] for dag in self._call("GET", "/dags", params={"limit": 100})["dags"]}

    def unpause(self, dag_id: str) -> None:
        self._call("PATCH", f"/dags/{dag_id}", json={"is_paused": False})

    def make_pool(self, name: str) -> None:
        """A pool of one slot, deferred tasks not counted; the one that is there stays as it is."""
        known = self._call("GET", "/pools", params={"limit": 100})["pools"]
        if name not in {pool["name"] for pool in known}:
            body = {"name": name, "slots": 1, "description": "One account at a desk.", "include_deferred": False}
            self._call("POST", "/pools", json=body)

    def trigger(self, dag_id: str, *, conf: dict[str, Any] | None = None, partition_key: str | None = None) -> str:
        """Start a run; its id."""
        body: dict[str, Any] = {"logical_date": None, "conf": conf or {}}
        if partition_key:
            body["partition_key"] = partition_key
        return str(self._call("POST", f"/dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def runs(self) -> list[dict[str, Any]]:
        """The newest hundred runs of all DAGs."""
        listing = self._call("GET", "/dags/~/dagRuns", params={"limit": 100, "order_by": "-run_after"})
        return list(listing["dag_runs"])

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        listing = self._call("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", params={"limit": 200})
        return list(listing["task_instances"])

    def log(self, dag_id: str, run_id: str, task_id: str, try_number: int, map_index: int = -1) -> str:
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}"
        content = self._call("GET", path, params={"full_content": True, "map_index": map_index})["content"]
        return "\n".join(entry.get("event", str(entry)) if isinstance(entry, dict) else str(entry) for entry in content)

    def waiting_reviews(self) -> dict[str, dict[str, Any]]:
        """Partition key -> the human task that waits for this contract month."""
        details = self._call("GET", "/dags/~/dagRuns/~/hitlDetails", params={"response_received": False, "limit": 100})[
            "hitl_details"
        ]
        keys = {run["dag_run_id"]: run.get("partition_key") for run in self.runs() if run["dag_id"] == REVIEW["dag_id"]}
        waiting: dict[str, dict[str, Any]] = {}
        for detail in details:
            instance = detail["task_instance"]
            key = keys.get(instance["dag_run_id"])
            if instance["state"] == "awaiting_input" and key:
                waiting[key] = detail
        return waiting

    def answer(self, review: dict[str, Any], option: str, comment: str) -> None:
        """Answer a human task as this user."""
        instance = review["task_instance"]
        self._call(
            "PATCH",
            f"/dags/{instance['dag_id']}/dagRuns/{instance['dag_run_id']}/taskInstances/{instance['task_id']}"
            f"/{instance['map_index']}/hitlDetails",
            json={"chosen_options": [option], "params_input": {"comment": comment}},
        )

    def _call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        try:
            response = self._client.request(method, f"/api/v2{path}", **arguments)
            if response.status_code == httpx.codes.UNAUTHORIZED:
                self._log_in()
                response = self._client.request(method, f"/api/v2{path}", **arguments)
        except httpx.TransportError as error:
            raise DeskledgerError(
                f"Airflow did not answer {method} {path} ({type(error).__name__})",
                where=self.url,
                remedy="read the logs in airflow/ of the state folder; what is done is kept, so start again",
            ) from error
        if response.is_error:
            raise DeskledgerError(
                f"Airflow refused {method} {path} with {response.status_code}: {response.text[:300]}",
                where=f"{self.url} as {self.user}",
                remedy="check that user's role, and that the DAG exists and is not paused",
            )
        return dict(response.json())

    def _log_in(self) -> None:
        answer = self._client.post("/auth/token", json={"username": self.user, "password": self._password})
        if answer.is_error:
            raise DeskledgerError(
                f"Airflow did not let {self.user} in ({answer.status_code})",
                where=self.url,
                remedy="the passwords lie in airflow/passwords.json of the state folder",
            )
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
