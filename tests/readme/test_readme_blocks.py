"""What the README asks a newcomer to type on a cluster works, in its order, in one shell.

What comes before, without a cluster, is tried by tests/local/test_pages.py.
"""

from __future__ import annotations

import os
import subprocess

import pytest

from cluster.paths import REPOSITORY
from tests.docs.blocks import bash_blocks

README = REPOSITORY / "README.md"
MINUTES = 15


@pytest.mark.alone
@pytest.mark.timeout(60 * MINUTES)
def test_the_readme_works_on_a_cluster() -> None:
    blocks = bash_blocks(README)
    first = next(n for n, block in enumerate(blocks) if block.strip() == "make demo CLUSTER=1")
    # The dependencies of the demo's verb are those of the tests: its cluster is there.
    blocks = blocks[first:]
    script = "\n".join(["set -eux -o pipefail", *blocks])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=REPOSITORY,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "KUBECONFIG"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-3000:]
    # A block may succeed and show nothing of what the text around it promises.
    for promised in ("x-dohyo-version: v", "CHAMPION", "tumours", '"malignant"', "v2-boosting"):
        assert promised in done.stdout
