"""docker-compose.yml holds together: references exist, secrets are asked for, only loopback is published."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

FILE = Path(__file__).resolve().parents[2] / "docker-compose.yml"
TEXT = FILE.read_text(encoding="utf-8")
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
# The keys that the Compose Specification allows, as far as this file uses them.
SERVICE_KEYS = {
    "build", "command", "configs", "depends_on", "environment", "healthcheck", "image", "ports", "restart",
    "stop_grace_period", "volumes",
}  # fmt: skip
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


@pytest.mark.parametrize("name", SERVICES)
def test_service_uses_known_keys_and_names_an_image(name: str) -> None:
    assert set(SERVICES[name]) <= SERVICE_KEYS
    assert SERVICES[name]["image"]


@pytest.mark.parametrize("name", SERVICES)
def test_service_depends_only_on_services_that_are_there(name: str) -> None:
    needs = SERVICES[name].get("depends_on", {})
    assert set(needs) <= set(SERVICES)
    assert {need["condition"] for need in needs.values()} <= CONDITIONS
    healthy = [need for need, how in needs.items() if how["condition"] == "service_healthy"]
    assert [need for need in healthy if "healthcheck" not in SERVICES[need]] == []


@pytest.mark.parametrize("name", SERVICES)
def test_named_volumes_and_configs_are_declared(name: str) -> None:
    volumes = [volume.split(":")[0] for volume in SERVICES[name].get("volumes", [])]
    assert set(volumes) <= set(COMPOSE["volumes"])
    assert {config["source"] for config in SERVICES[name].get("configs", [])} <= set(COMPOSE["configs"])


@pytest.mark.parametrize("name", SERVICES)
def test_environment_is_text(name: str) -> None:
    """YAML would read a bare True or 0 as something else than text."""
    values = SERVICES[name].get("environment", {}).values()
    assert [value for value in values if not isinstance(value, str)] == []


def test_ports_are_published_on_loopback_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)


def test_every_secret_comes_from_the_environment_and_is_named_at_the_head() -> None:
    head = TEXT.split("\nname:")[0]
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", TEXT)) - {"PUBLIC_URL"}
    assert used == set(re.findall(r"([A-Z_]+)=…", head))


def test_all_airflow_services_share_one_environment() -> None:
    airflow = [service for service in SERVICES.values() if service["image"] == "deskledger:local"]
    shared = {name: value for name, value in airflow[0]["environment"].items() if name.startswith("AIRFLOW")}
    assert len(airflow) == 6
    assert all(shared.items() <= service["environment"].items() for service in airflow)
    assert shared["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"


def test_the_image_is_built_from_the_hashed_lock() -> None:
    recipe = SERVICES["scheduler"]["build"]["dockerfile_inline"]
    assert "--require-hashes -r requirements/compose.txt" in recipe
    assert (FILE.parent / "requirements" / "compose.txt").exists()


@pytest.mark.parametrize("name", [".env", ".venv", ".venv-objects", ".deskledger", ".git"])
def test_what_is_secret_or_large_stays_out_of_the_image(name: str) -> None:
    ignored = (FILE.parent / ".dockerignore").read_text(encoding="utf-8").split()
    assert any(fnmatchcase(name, pattern.rstrip("/")) for pattern in ignored)
