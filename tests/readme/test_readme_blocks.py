"""What the README asks a newcomer to type on a cluster works, in its order, in one shell.

What comes before, without a cluster, is tried by tests/local/test_pages.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cluster.paths import REPOSITORY
from tests.docs.blocks import bash_blocks
from tests.harness.pages import promised, typed

if TYPE_CHECKING:
    from pathlib import Path

README = REPOSITORY / "README.md"
MINUTES = 15


@pytest.mark.alone
@pytest.mark.timeout(60 * MINUTES)
def test_the_readme_works_on_a_cluster(tmp_path: Path) -> None:
    blocks = bash_blocks(README)
    # The dependencies of the demo's verb are those of the tests: its cluster is there.
    first = next(n for n, block in enumerate(blocks) if block.strip() == "make demo CLUSTER=1")
    said = typed(blocks[first:], tmp_path, MINUTES)
    promised(said, "x-dohyo-version: v", "CHAMPION", "tumours", '"malignant"', "v2-boosting")
