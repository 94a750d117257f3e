"""`dohyo image`: what goes into the layer, and what it says when it cannot."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dohyo.cli.complaint import Complaint
from dohyo.cli.image import prepared
from tests.harness import bentos

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local.fetch.conftest import Export

pytestmark = pytest.mark.timeout(120)


def test_an_archive_a_folder_and_a_tag_give_the_same_layer(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = export.path.parents[1]
    monkeypatch.setenv("BENTOML_HOME", str(store))
    by_archive = prepared(str(export.path), tmp_path / "a" / "context")
    by_folder = prepared(str(by_archive.folder), tmp_path / "b" / "context")
    by_tag = prepared(export.tag, tmp_path / "c" / "context")
    assert {by_archive.tag, by_folder.tag, by_tag.tag} == {export.tag}
    listings = [listing(bento.folder) for bento in (by_archive, by_folder, by_tag)]
    assert listings[0] == listings[1]
    assert listings[0].keys() == listings[2].keys()
    assert {time for _, time in listings[0].values()} == {0.0}
    assert [path.name for path in by_archive.folder.parent.iterdir()] == ["bento"]


def listing(folder: Path) -> dict[str, tuple[bytes, float]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("./never", "nothing is there"),
        ("never:v1", "it holds none; build one"),
        ("{empty}", "no bento.yaml in this folder"),
        ("{text}", "is no archive of a bento"),
    ],
)
def test_what_is_no_bento(
    given: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "store"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("no archive")
    named = given.format(empty=tmp_path / "empty", text=tmp_path / "text")
    with pytest.raises(Complaint, match=words) as refused:
        prepared(named, tmp_path / "work" / "context")
    assert "\n" not in str(refused.value)


def test_without_an_engine_it_says_so(export: Export, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dohyo.cli", "image", str(export.path)],
        env={**bentos.surroundings(tmp_path), "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "dohyo: no docker and no buildah on PATH; install one, or name the other with --engine\n"
    )
