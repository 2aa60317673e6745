"""The files of deploy/ hold together: settings are settings, what they name is there, nginx and systemd take them."""

from __future__ import annotations

import fnmatch
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase
from scripts.servers import free_ports
from scripts.servers.nginx import PROGRAM, Nginx
from sqlalchemy import Connection

from roost import metrics
from roost.config import load
from roost.errors import Unavailable
from roost.journal.contract import Author
from tests.rooms import Rooms, private
from tests.servers import missing

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
UNITS = ("roost.service", "roost-push-worker.service")
VARIABLE = re.compile(r"\$\{(\w+)(:[-?][^}]*)?\}")


def text(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """Those of the compose file, with the variables filled in."""
    found = yaml.safe_load(VARIABLE.sub("filled", text("compose.yaml")))["services"]
    assert isinstance(found, dict)
    return found


def test_the_settings_of_a_cluster_are_settings(services: dict[str, Any]) -> None:
    config = load(DEPLOY / "cluster.yaml", {})
    assert config.server.database
    assert config.redis.url
    assert config.push.queue == "rabbitmq"
    for name in ("node1", "node2", "push-worker"):
        service = services[name]
        assert service["command"][1:] == ["--config", "/etc/roost/cluster.yaml"]
        config = load(DEPLOY / "cluster.yaml", service["environment"])
        addresses = (config.server.database, config.redis.url, config.push.rabbitmq)
        assert [urlsplit(address).hostname for address in addresses] == ["postgres", "redis", "rabbitmq"]


def test_every_variable_of_the_compose_file_is_in_the_example() -> None:
    told = set(re.findall(r"^(\w+)=", text("example.env"), re.MULTILINE))
    assert {name for name, _ in VARIABLE.findall(text("compose.yaml"))} == told


def test_every_container_starts_again_and_says_how_it_is(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["restart"] == "unless-stopped"
        if "build" not in service:
            assert service["healthcheck"]["test"]
            assert "/" not in service["image"]
        elif name == "push-worker":  # it listens nowhere; `up --wait` fails where a check is switched off
            assert service["healthcheck"]["test"] == ["CMD", "grep", "-q", f":{5672:04X} 01 ", "/proc/net/tcp"]
        else:
            assert "healthcheck" not in service  # the image's own: /readyz
    for service in services.values():
        assert service.get("init", False) == ("build" in service)  # a process 1 that starts does not get SIGTERM
        for volume in service.get("volumes", ()):
            here = volume.split(":")[0]
            assert not here.startswith(".") or (DEPLOY / here).is_file()


def test_the_nodes_believe_the_balancer_alone_who_its_clients_are(services: dict[str, Any]) -> None:
    balancer = services["nginx"]["networks"]["default"]["ipv4_address"]
    for node in ("node1", "node2"):
        assert load(None, services[node]["environment"]).server.trusted_proxies == [balancer]
    assert all("ports" not in service for name, service in services.items() if name != "nginx")


def test_the_image_has_what_it_is_built_from_and_no_root() -> None:
    lines = text("Dockerfile").splitlines()
    ignored = text("Dockerfile.dockerignore").split()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    sources = [source for line in copied for source in line]
    assert {"src", "pyproject.toml", "requirements.lock"} <= set(sources)
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored
    last = max(number for number, line in enumerate(lines) if line.startswith("FROM "))
    assert "USER roost" in lines[last:]
    assert any("/readyz" in line and "ROOST_SERVER__PORT" in line for line in lines[last:])
    environment = dict(re.findall(r"(ROOST_\w+)=(\S+)", "\n".join(lines[last:])))
    config = load(None, environment)
    assert (config.server.port, str(config.data)) == (8080, "/var/lib/roost")
    assert config.log.format == "json"
    assert all(fnmatch.fnmatch(line, "FROM python:* *") or line == lines[last] for line in lines if line[:5] == "FROM ")


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_takes_the_units(unit: str, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    there = tmp_path / unit
    there.write_text(text(f"systemd/{unit}").replace("/opt/roost/venv/bin/roost", sys.executable), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", there], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_units_are_hardened_alike() -> None:
    first, second = (text(f"systemd/{unit}").partition("StateDirectory=")[2] for unit in UNITS)
    assert first == second
    assert "NoNewPrivileges=true" in first


@pytest.mark.parametrize("unit", UNITS)
def test_a_server_is_started_again_for_as_long_as_its_database_is_away(unit: str) -> None:
    """By default systemd gives up after five starts in ten seconds."""
    before, _, service = text(f"systemd/{unit}").partition("[Service]")
    assert "StartLimitIntervalSec=0" in before.splitlines()
    assert "Restart=always" in service.splitlines()


def test_the_passwords_of_the_compose_file_are_no_source() -> None:
    done = subprocess.run(["git", "check-ignore", "-q", "deploy/.env"], cwd=ROOT, check=False)
    if done.returncode == 128:
        pytest.skip("not a repository")
    assert done.returncode == 0


@pytest.fixture
def balancer() -> Iterator[Nginx]:
    """One in front of three nodes that are not there."""
    if not PROGRAM.exists():
        missing("nginx-light")
    [port, *nodes] = free_ports(4)
    server = Nginx(DEPLOY / "nginx", port, nodes)
    yield server
    server.stop()


def test_nginx_takes_its_configuration(balancer: Nginx) -> None:
    balancer.check()
    site = (balancer.directory / "roost.conf").read_text(encoding="utf-8")
    assert re.findall(r"^ *listen (.*);", site, re.MULTILINE) == [f"127.0.0.1:{balancer.port}"]
    for kind in ("max_fails=1 ", "backup max_fails=0"):
        ports = re.findall(rf"^ *server 127.0.0.1:(\d+) {kind}", site, re.MULTILINE)
        assert [int(port) for port in ports] == balancer.nodes


def test_where_no_node_answers_the_balancer_says_what_a_node_would(balancer: Nginx) -> None:
    balancer.start()
    for path in ("/healthz", "/ws"):
        with pytest.raises(HTTPError) as refused:
            urlopen(f"http://127.0.0.1:{balancer.port}{path}", timeout=10)
        with refused.value as answer:
            told = json.load(answer)
            assert (answer.code, told["code"], told["error"]) == (503, Unavailable.code, Unavailable.slug)
            assert answer.headers["Retry-After"] == "1"


def test_a_node_that_is_not_ready_is_passed_over(balancer: Nginx) -> None:
    """Two of the three nodes are there; one says 503 to everything."""
    asked: list[int] = []

    def stand_in(status: int) -> type[BaseHTTPRequestHandler]:
        class Node(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(status)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Node

    with ExitStack() as stack:
        for port, status in zip(balancer.nodes, (200, 503), strict=False):
            node = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", port), stand_in(status)))
            threading.Thread(target=node.serve_forever, daemon=True).start()
            stack.callback(node.shutdown)
        balancer.start()
        for _ in range(12):
            with urlopen(f"http://127.0.0.1:{balancer.port}/healthz", timeout=10) as answer:
                assert answer.status == 200
    assert 503 in asked


def test_the_inside_is_not_shown_outside(balancer: Nginx) -> None:
    balancer.start()
    for path in ("/metrics", "/readyz"):
        with pytest.raises(HTTPError, match="404"):
            urlopen(f"http://127.0.0.1:{balancer.port}{path}", timeout=10)


def test_the_dashboard_shows_metrics_that_there_are() -> None:
    """Grafana's: each name is one that /metrics tells, with the labels that it has."""
    told = {sample.name: set(sample.labels) for metric in REGISTRY.collect() for sample in metric.samples}
    named = {name for name in vars(metrics).values() if isinstance(name, MetricWrapperBase)}
    labels = {metric._name: set(metric._labelnames) for metric in named}
    panels = json.loads(text("grafana/roost.json"))["panels"]
    shown = [target["expr"] for panel in panels for target in panel["targets"]]
    for expression in shown:
        for name in re.findall(r"\b(?:roost|process)_\w+", expression):
            family = re.sub(r"_(total|bucket|count|sum)$", "", name)
            assert name in told or family in labels, name
            by = re.findall(r"by \(([\w, ]+)\)", expression)
            wanted = {label for group in by for label in group.split(", ")} - {"le"}
            assert wanted <= labels.get(family, set()), expression
    assert len(shown) > 20
    assert {panel["id"] for panel in panels} == set(range(1, len(panels) + 1))


async def test_the_questions_to_the_database_are_answered_by_each_kind(rooms: Rooms, ann: Author, bob: Author) -> None:
    """The SQL of the page on deployment (D5)."""
    await rooms.batch(*(private(ann, "bob", f"message {number}") for number in range(12)))
    [block] = re.findall(r"^```sql\n(.*?)^```", (ROOT / "docs" / "deployment.md").read_text(), re.MULTILINE | re.DOTALL)
    questions = [question for question in re.sub("--.*", "", block).split(";") if question.strip()]

    def ask(connection: Connection, question: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in connection.exec_driver_sql(question)]

    counted, by_conversation, last, waiting = [await rooms.read(ask, question) for question in questions]
    assert counted == [(12,)]
    assert by_conversation == [("p:ann:bob", 12)]
    assert [row[1:] for row in last] == [("p:ann:bob", "ann", f"message {number}") for number in range(11, 1, -1)]
    assert [row[1:] for row in waiting] == [(12, None)]
