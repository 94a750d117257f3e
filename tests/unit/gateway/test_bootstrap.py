"""What Envoy starts with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from dohyo.contract import GATEWAY_PORT
from dohyo_gateway.bootstrap import Listening, bootstrap

FOLDER = Path("/var/run/dohyo/envoy")


def addresses(value: Any) -> list[tuple[str, int]]:
    """All socket addresses in the document."""
    if isinstance(value, dict):
        own = value.get("socket_address")
        found = [(own["address"], own["port_value"])] if own else []
        return found + [a for entry in value.values() for a in addresses(entry)]
    if isinstance(value, list):
        return [a for entry in value for a in addresses(entry)]
    return []


def test_one_door_is_open_and_admin_is_not() -> None:
    document = bootstrap(FOLDER, Listening(), "pod-0")
    assert addresses(document) == [("127.0.0.1", 9901), ("0.0.0.0", GATEWAY_PORT)]
    assert "lds_config" not in json.dumps(document)


def test_a_heap_limit_sheds_load_before_the_kernel_does() -> None:
    assert "actions" not in bootstrap(FOLDER, Listening(), "pod-0")["overload_manager"]
    limited = bootstrap(FOLDER, Listening(max_heap_bytes=1 << 30), "pod-0")["overload_manager"]
    names = [action["name"].rpartition(".")[2] for action in limited["actions"]]
    assert names == ["shrink_heap", "stop_accepting_requests"]


def test_an_agent_that_cannot_start_says_why_in_one_line() -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DOHYO_")}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    for given, said in (
        ({}, "DOHYO_NAMESPACE is not set"),
        (
            {"DOHYO_NAMESPACE": "x", "DOHYO_POD_NAME": "y", "DOHYO_KUBECONFIG": "/nowhere"},
            "/nowhere",
        ),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "dohyo_gateway.main"],
            env=environment | given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert said in done.stderr
