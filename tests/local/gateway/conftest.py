"""Upstream processes that live as long as the run, and a gateway for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.harness.until import until
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
    for pod in pods:
        until(f"{pod.name} listens", pod.is_up, seconds=30, every=0.02)
