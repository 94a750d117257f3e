"""What the images' Dockerfiles say, put together."""

from __future__ import annotations

import json
import re
import tomllib

import pytest

from images.build import BUILD_SECONDS, TRAINING
from images.dockerfiles import SERVICES, dockerfile
from images.paths import REPOSITORY

PARTS = (*BUILD_SECONDS, TRAINING)


def test_every_service_is_built() -> None:
    assert set(SERVICES) <= set(BUILD_SECONDS)


@pytest.mark.parametrize("part", PARTS)
def test_it_ends_in_a_program_of_ours_that_is_not_root(part: str) -> None:
    text = dockerfile(part)
    assert re.findall(r"^FROM (.*)$", text, re.MULTILINE) == [
        "python:3.11-slim AS environment",
        "environment AS project",
        "python:3.11-slim",
    ]
    (program,) = json.loads(re.findall(r"^ENTRYPOINT (.*)$", text, re.MULTILINE)[0])
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert program in project["scripts"]
    (user,) = re.findall(r"^USER (\d+):\d+$", text, re.MULTILINE)
    assert int(user) > 0
