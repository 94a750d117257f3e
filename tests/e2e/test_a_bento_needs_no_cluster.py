"""Bentos in containers of their own: the thin image, and the one of `bentoml containerize`."""

from __future__ import annotations

import shutil
import ssl
import sys
from typing import TYPE_CHECKING

import certifi
import pytest
import yaml

from cluster import base_images, products
from cluster.programs import Surroundings, run
from cluster.progress import step
from dohyo.contract import BENTO_UID
from images import build, samples
from images.paths import REPOSITORY
from tests.harness import containers, model

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.engine import Engine

CONTAINERIZE_SECONDS = 60
CONTAINERIZED = "dohyo-containerized"
TRUSTING = "dohyo-trusting-python"
TRUSTING_BASE = """\
FROM {base}
COPY certificates.pem /etc/ssl/certs/ca-certificates.crt
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt
"""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("bento", [model.LOGISTIC, model.BOOSTING])
def test_a_thin_image_answers_as_its_model_does(engine: Engine, bento: str) -> None:
    with containers.running(engine, build.bento_image(bento.partition(":")[2])) as container:
        assert_predicts(container, bento)


@pytest.mark.timeout(1200)
def test_a_containerized_bento_answers_as_its_model_does(engine: Engine, tmp_path: Path) -> None:
    image = containerized(engine, tmp_path)
    with containers.running(engine, image) as container:
        assert_predicts(container, model.LOGISTIC)


def assert_predicts(container: containers.Container, bento: str) -> None:
    assert container.user() == BENTO_UID
    rows = model.rows()[:20]
    question = model.question(rows)
    status, answer = container.post(question.path, question.body)
    assert status == 200
    assert answer["version"].startswith(bento.partition(":")[2])
    probabilities = [prediction["probabilities"] for prediction in answer["predictions"]]
    expected = model.own_probabilities(bento, rows)
    assert probabilities == [pytest.approx(row, abs=1e-12) for row in expected]


def containerized(engine: Engine, folder: Path) -> str:
    """The image that `bentoml containerize` makes of the sample bento; kept while it fits.

    Its build fetches packages: over this machine's network, trusting what this machine trusts.
    """
    base = engine.docker("image", "inspect", "--format", "{{.Id}}", base_images.PYTHON).strip()
    key = products.key(samples.key(), base, TRUSTING_BASE)
    image = f"{CONTAINERIZED}:{key}"
    if engine.image_id(image) is not None:
        return image
    _remove_outdated(engine)
    shutil.copy(
        ssl.get_default_verify_paths().cafile or certifi.where(), folder / "certificates.pem"
    )
    (folder / "Dockerfile").write_text(TRUSTING_BASE.format(base=base_images.PYTHON))
    trusting = f"{TRUSTING}:{key}"
    engine.docker("build", "--tag", trusting, str(folder))
    tag = f"{samples.NAME}:v1-logistic-containerized"
    with step("bentoml containerize", CONTAINERIZE_SECONDS):
        _build_bento(tag, trusting, folder)
        try:
            options = ["--backend", "docker", "--opt", "network=host", "--image-tag", image]
            _bentoml(["containerize", tag, *options], engine)
        finally:
            _bentoml(["delete", "--yes", tag], engine)
    return image


def _remove_outdated(engine: Engine) -> None:
    """Images of earlier sources, 1.2 GB each."""
    for name in (CONTAINERIZED, TRUSTING):
        tags = engine.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", name).split()
        if tags:
            engine.docker("image", "rm", *tags)


def _build_bento(tag: str, base: str, folder: Path) -> None:
    """The sample bento once more, on another base image."""
    bentofile = yaml.safe_load((REPOSITORY / "bentofile.yaml").read_text())
    bentofile["docker"]["base_image"] = base
    described = folder / "bentofile.yaml"
    described.write_text(yaml.safe_dump(bentofile))
    version = tag.partition(":")[2]
    _bentoml(["build", "--bentofile", str(described), "--version", version], None)


def _bentoml(arguments: list[str], engine: Engine | None) -> None:
    address = engine.environment if engine else {}
    where = Surroundings(folder=REPOSITORY, environment={**samples.environment(), **address})
    run([sys.executable, "-m", "bentoml", *arguments], where)
