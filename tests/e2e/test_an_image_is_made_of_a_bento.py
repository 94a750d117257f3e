"""`dohyo image`: the runtime and one layer, out of a tag, an archive or a folder."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from images import build, samples
from images.paths import REPOSITORY
from tests.harness import containers, model
from tests.harness.replay import REPLAY
from tests.local.training.runs import SATISFACTION, Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.engine import Engine

pytestmark = pytest.mark.timeout(300)
TAG = "dohyo-story/thin:v1"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "model.bento"
    samples.export(model.LOGISTIC, path)
    return path


@pytest.fixture
def clean(engine: Engine) -> Iterator[None]:
    yield
    if engine.image_id(TAG) is not None:
        engine.docker("image", "rm", TAG)


def made(engine: Engine, bento: str) -> dict[str, str]:
    """What the command prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "dohyo.cli", "image", bento, "--tag", TAG, "--output", "json"],
        cwd=REPOSITORY,
        env={**samples.environment(), **engine.environment, "PATH": "/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed: dict[str, str] = json.loads(done.stdout)
    return printed


@pytest.mark.usefixtures("clean")
def test_it_serves_and_costs_one_layer(engine: Engine, archive: Path) -> None:
    by_archive = made(engine, str(archive))
    assert by_archive["image"] == TAG
    assert by_archive["id"] == engine.image_id(TAG)
    layers = "{{len .RootFS.Layers}}"
    thin, runtime = (
        int(engine.docker("image", "inspect", "--format", layers, image))
        for image in (TAG, build.image_name("runtime"))
    )
    assert thin == runtime + 1
    with containers.running(engine, TAG) as container:
        question = model.question(model.rows()[:5])
        status, answer = container.post(question.path, question.body)
    assert status == 200
    assert len(answer["predictions"]) == 5
    by_tag = made(engine, model.LOGISTIC)
    assert by_tag["image"] == TAG


@pytest.mark.usefixtures("clean")
def test_a_trained_version_replays_its_golden_rows(engine: Engine, tmp_path: Path) -> None:
    """Without what trained it: the process that answers has imported no scikit-learn."""
    small = copy.deepcopy(SATISFACTION)
    small["models"] = small["models"][:1]
    small["output"] |= {"version": "golden", "archive": "golden.bento"}
    trained, _ = Store(tmp_path).train("golden", small)
    made(engine, str(tmp_path / "golden.bento"))
    golden = json.loads((Path(trained["folder"]) / "model/serving-form/golden.json").read_text())
    with containers.running(engine, TAG) as container:
        status, answer = container.post("/predict", json.dumps({"records": golden["records"]}))
        replayed = engine.docker("exec", container.name, "python3", "-c", REPLAY)
    assert status == 200
    for given, outputs in zip(answer["predictions"], golden["outputs"], strict=True):
        assert sorted(given["probabilities"].values()) == pytest.approx(sorted(outputs), abs=1e-5)
    told = json.loads(replayed)
    assert (told["differences"], told["imported"], told["golden"]) == ([], [], golden)
