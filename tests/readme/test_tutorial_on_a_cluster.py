"""The tutorial to its very end: the file of the laptop's ring, applied to a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cluster.paths import REPOSITORY
from tests.docs.blocks import bash_blocks
from tests.harness.pages import promised, typed

if TYPE_CHECKING:
    from pathlib import Path

TUTORIAL = REPOSITORY / "docs" / "tutorial" / "first-bout.md"
MINUTES = 10


@pytest.mark.alone
@pytest.mark.timeout(60 * MINUTES)
def test_the_tutorial_ends_on_a_cluster(tmp_path: Path) -> None:
    said = typed(bash_blocks(TUTORIAL), tmp_path, MINUTES)
    promised(
        said,
        "promoted by hand",
        "modeldeployment.dohyo.dev/species created",
        "modeldeployment.dohyo.dev/species condition met",
        'modeldeployment.dohyo.dev "species" deleted',
    )
