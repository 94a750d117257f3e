"""`make demo CLUSTER=1` ends with predictions that were split as the weights say."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.harness import commands, split

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.installation import Installation
    from tests.harness.ring import Ring
    from tests.harness.story import Story

pytestmark = [pytest.mark.timeout(500), pytest.mark.alone]


@pytest.fixture
def restored(installation: Installation) -> Iterator[None]:
    """The stories' own values back again, whatever happened."""
    try:
        yield
    finally:
        installation.install()


@pytest.mark.usefixtures("restored")
def test_a_thousand_predictions(ring: Ring, story: Story) -> None:
    with story.when("the demo runs on a cluster with images"):
        printed = commands.run(
            *(sys.executable, "-m", "examples.demo", "--cluster", "--output", "json"),
            *("--namespace", ring.namespace),
            seconds=400,
        )
    with story.then("champion and challenger answered 90 and 10 percent, without an error"):
        rows = json.loads(printed)
        story.tell(printed.strip())
        assert [(r["version"], r["role"], r["weight"]) for r in rows] == [
            ("v1", "champion", 90),
            ("v2", "challenger", 10),
        ]
        counts = {row["version"]: row["requests"] for row in rows}
        assert sum(counts.values()) == 1000
        assert split.chance(counts, {"v1": 90, "v2": 10}) > 0.001
        assert [row["errors"] for row in rows] == [0, 0]
