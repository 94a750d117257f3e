"""One real cluster, one installation of the product, a namespace of its own for every story."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from cluster import base_images
from cluster import engine as engines
from images import samples
from tests.harness import evidence, namespaces
from tests.harness.access import project_access
from tests.harness.installation import Installation
from tests.harness.live import Live
from tests.harness.ring import Ring
from tests.harness.sharing import is_shared, once_in_a_run
from tests.harness.story import Story

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from cluster.engine import Engine

GATEWAY_NODE_PORT = 30080

# What differs from the chart's defaults: the way in from outside, and windows short enough that
# a story about them ends within minutes.
VALUES = {
    "gateway": {
        "drainSeconds": 10,
        "service": {"type": "NodePort", "nodePort": GATEWAY_NODE_PORT},
    },
    "evidence": {
        "enabled": True,
        "persistence": {"enabled": False},
        "driftWindowSeconds": 20,
    },
    "operator": {
        "drainSeconds": 5,
        "scalingWindows": {"stableSeconds": 15, "panicSeconds": 6, "scaleDownDelaySeconds": 10},
    },
}

FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Notes failures for the clean-up; in CI a skipped story has failed."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped; in CI every story has to run"
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture(scope="session")
def live() -> Live:
    return Live(project_access())


@pytest.fixture(scope="session")
def installation(live: Live) -> Iterator[Installation]:
    """The product, installed by helm from the charts of the work tree."""
    installed = Installation(live, VALUES)

    def install() -> None:
        namespaces.remove_all(live)
        installed.install()

    once_in_a_run("installed", install)
    yield installed
    if not is_shared():  # else the next run removes what the workers leave
        namespaces.remove_all(live)


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The project's engine, with all that an image of a sample bento is made of."""
    engine = engines.ensure()
    base_images.ensure()
    samples.ensure()
    return engine


@pytest.fixture
def story(request: pytest.FixtureRequest) -> Story:
    module = request.node.module.__name__.rpartition(".")[2]
    return Story(f"{module.removeprefix('test_').replace('_', ' ')}: {request.node.name}")


@pytest.fixture
def ring(request: pytest.FixtureRequest, installation: Installation) -> Iterator[Ring]:
    """A namespace with nothing in it; gone again after the story, whatever happened."""
    yield from a_ring(request, installation.live)


@pytest.fixture
def other_ring(request: pytest.FixtureRequest, installation: Installation) -> Iterator[Ring]:
    """A second namespace, for stories about two."""
    yield from a_ring(request, installation.live)


def a_ring(request: pytest.FixtureRequest, live: Live) -> Iterator[Ring]:
    namespace = namespaces.make(live)
    try:
        yield Ring(live, namespace)
    finally:
        if request.node.stash.get(FAILED, False):
            folder = evidence.save(request.node.name, namespace)
            print(f"evidence of the failure: {folder}")
        # Its pods take their time to drain; the next story need not wait for them.
        namespaces.dismiss(live, namespace)
