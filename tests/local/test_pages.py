"""What README and tutorial ask a newcomer to type works as written, up to where a cluster comes."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from cluster.paths import REPOSITORY
from tests.docs.blocks import bash_blocks
from tests.harness.pages import promised, typed

if TYPE_CHECKING:
    from pathlib import Path

TUTORIAL = REPOSITORY / "docs" / "tutorial" / "first-bout.md"
README = REPOSITORY / "README.md"
MINUTES = 5
pytestmark = pytest.mark.timeout(60 * MINUTES)


def test_the_readme_works_without_a_cluster(tmp_path: Path) -> None:
    # Else its first command would replace the very environment that this test runs in.
    fresh = subprocess.run(["make", "--question", ".venv/.installed"], cwd=REPOSITORY, check=False)
    assert fresh.returncode == 0, "the environment is older than its lock; run `make venv` first"
    blocks = bash_blocks(README)
    assert blocks[0].strip() == "make demo"
    last = next(n for n, block in enumerate(blocks) if block.strip() == "make demo CLUSTER=1")
    said = typed(blocks[:last], tmp_path)
    promised(
        said,
        "What happened",
        "0 failed",
        "the challenger is better",
        "v2 against v1: Promoted",
        "x-dohyo-version: v",
        '"malignant"',
        "breast-cancer:v2-boosting",
        "nothing is left running",
    )


def test_the_tutorial_works_without_a_cluster(tmp_path: Path) -> None:
    blocks = bash_blocks(TUTORIAL)
    on_a_cluster = [n for n, block in enumerate(blocks) if "make --silent" in block]
    assert on_a_cluster == [len(blocks) - 1]
    said = typed(blocks[:-1], tmp_path)
    promised(
        said,
        "1 ModelDeployment: fine",
        "HTTP/1.1 200",
        "x-dohyo-version: v",
        "species in default: ready",
        "broken.yaml:14: error: spec.challengers[0].wieght: 50 is no field",
        "that is how a mistake is told",
        "promoted by hand",
        "nothing is left running",
    )
    shares = {line[:2]: _share(line) for line in said.splitlines() if ": right in " in line}
    assert shares["v2"] > shares["v1"] + 0.1


def _share(line: str) -> float:
    right, of = line.partition("right in ")[2].split(" of ")
    return int(right) / int(of)
