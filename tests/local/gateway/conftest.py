"""Upstream processes that live as long as the run, and a gateway for each test."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.local.gateway.ring import Pod

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def pods() -> Iterator[dict[str, Pod]]:
    """Two pods of v12 and one of v13."""
    found = {name: Pod.start(name) for name in ("v12-a", "v12-b", "v13-a")}
    await_pods(*found.values())
    yield found
    for pod in found.values():
        pod.end()


@pytest.fixture
def brief_pods() -> Iterator[list[Pod]]:
    """Pods that the test itself starts and ends."""
    found: list[Pod] = []
    yield found
    for pod in found:
        pod.end()


def await_pods(*pods: Pod) -> None:
    deadline = time.monotonic() + 30
    while not all(pod.is_up() for pod in pods):
        assert time.monotonic() < deadline, "the upstream processes do not listen"
        time.sleep(0.02)
