from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster import products


def test_a_key_tells_inputs_apart_by_content_and_place(tmp_path: Path) -> None:
    folder = tmp_path / "inputs"
    folder.mkdir()
    (folder / "a").write_text("1")
    first = products.key("v1", folder)

    assert products.key("v1", folder) == first, "the same inputs, the same key"
    assert products.key("v2", folder) != first, "another version"
    assert products.key("v", "1") != products.key("v1"), "where a part ends counts"

    (folder / "a").rename(folder / "b")
    assert products.key("v1", folder) != first, "another name"
    (folder / "b").rename(folder / "a")
    (folder / "a").chmod(0o755)
    assert products.key("v1", folder) != first, "now it can be run"


def test_a_product_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "cache" / "product"

    def fail_half_way() -> None:
        with products.file_in_making(target) as unfinished:
            unfinished.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert list(target.parent.iterdir()) == []

    with products.file_in_making(target) as unfinished:
        unfinished.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    dies = (
        "import os, signal; from pathlib import Path; from cluster import products\n"
        f"with products.folder_of_work(Path({str(tmp_path)!r})) as folder:\n"
        "    (folder / 'large').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(products.__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", dies], cwd=root, check=False)
    assert done.returncode < 0
    assert len(list(tmp_path.iterdir())) == 1, "the killed one could not clean up"

    with products.folder_of_work(tmp_path) as mine, products.folder_of_work(tmp_path) as other:
        assert set(tmp_path.iterdir()) == {mine, other}, "only those of living processes stay"
        assert f"-{os.getpid()}-" in mine.name
