"""Files that no ring is started for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from dohyo.cli import main
from dohyo.contract import API_VERSION, KIND
from tests.batches import a_batch_manifest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Holds a store with model:v1."""
    bento = tmp_path / "store" / "bentos" / "model" / "v1"
    bento.mkdir(parents=True)
    (bento / "bento.yaml").write_text("{name: model, version: v1}")
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def a_file(path: Path, name: str, **metadata: str) -> None:
    champion = {"name": "v1", "bento": "model:v1"}
    document = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, **metadata},
        "spec": {"champion": champion},
    }
    path.write_text(yaml.safe_dump(document, sort_keys=False))


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["up", *arguments, "--state", "state"]) == 1
    said: str = capsys.readouterr().err
    return said


def test_two_files_may_not_claim_one_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_file(folder / "a.yaml", "words")
    a_file(folder / "b.yaml", "words", namespace="default")
    words = refused(capsys, "a.yaml", "b.yaml")
    assert "b.yaml:4: error: metadata.name: 'words' has been used above, in a.yaml:4" in words
    assert "nothing is started for a file with errors" in words
    # For a cluster they may be alternatives.
    assert main(["lint", "-f", "a.yaml", "-f", "b.yaml"]) == 1
    assert "has been used above" not in capsys.readouterr().out


def test_batches_alone_make_no_ring(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "b.yaml").write_text(yaml.safe_dump(a_batch_manifest()))
    words = refused(capsys, "b.yaml")
    assert words.startswith(f"dohyo: no {KIND} in b.yaml; batches are scored by `dohyo batch`")
