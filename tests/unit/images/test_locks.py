"""The locks say exactly what is installed, and nothing of the machine that wrote them."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from images import build
from images.locking import DEVELOPMENT, EXTRA_OF_IMAGE, lock_of
from images.paths import LOCKS, REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9.-]*)==(?P<version>[^\s;\\]+)", re.MULTILINE)
ALL_LOCKS = (DEVELOPMENT, *(lock_of(image) for image in EXTRA_OF_IMAGE))


def pins(lock: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for match in PIN.finditer(lock.read_text()):
        found.setdefault(match["name"], set()).add(match["version"])
    return found


def project() -> Any:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def normalized(requirement: str) -> str:
    name = re.split(r"[\s<>=!~;\[]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def asked_for_by(extra: str) -> set[str]:
    """The names of its requirements, and of those of our extras that it takes in."""
    found: set[str] = set()
    for requirement in project()["project"]["optional-dependencies"][extra]:
        ours = re.fullmatch(r"dohyo\[(?P<extras>[a-z,-]+)\]", requirement)
        if ours is None:
            found.add(normalized(requirement))
        else:
            found |= set().union(*map(asked_for_by, ours["extras"].split(",")))
    return found


def test_what_packs_a_bento_has_what_answers_in_it() -> None:
    assert pins(lock_of("runtime")).items() <= pins(lock_of("training")).items()


def test_every_lock_is_tested() -> None:
    assert set(ALL_LOCKS) == set(LOCKS.iterdir())


@pytest.mark.parametrize("lock", ALL_LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_names_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert not re.search(r"(--|^)(extra-)?index-url|find-links|trusted-host", text)


@pytest.mark.parametrize("lock", ALL_LOCKS, ids=lambda lock: lock.stem)
def test_every_requirement_carries_its_hashes(lock: Path) -> None:
    requirements = re.split(
        r"\n(?=\S)", re.sub(r"^#.*\n", "", lock.read_text(), flags=re.MULTILINE)
    )
    assert len(requirements) > 20
    for requirement in requirements:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", requirement), requirement


@pytest.mark.parametrize("image", EXTRA_OF_IMAGE)
def test_an_image_gets_what_its_extra_asks_for_in_the_tested_version(image: str) -> None:
    locked, tested = pins(lock_of(image)), pins(DEVELOPMENT)
    assert asked_for_by(EXTRA_OF_IMAGE[image]) <= locked.keys()
    assert {name for name, versions in locked.items() if not versions <= tested[name]} == set()


def test_the_runtime_carries_nothing_that_only_development_needs() -> None:
    assert (
        pins(lock_of("runtime"))
        .keys()
        .isdisjoint({"pytest", "mypy", "ruff", "kopf", "kubernetes", "xgboost"})
    )


def test_the_sample_bento_asks_for_what_the_runtime_has() -> None:
    bentofile = yaml.safe_load((REPOSITORY / "bentofile.yaml").read_text())
    runtime = pins(lock_of("runtime"))
    for package in bentofile["python"]["packages"]:
        name, _, version = package.partition("==")
        assert runtime[name] == {version}
    # Named as the project's own wheel is at this version.
    version = build.project_version()
    assert bentofile["python"]["wheels"] == [
        f"build/project-wheel/dohyo-{version}-py3-none-any.whl"
    ]
    # Locking would write the builder's package index into every bento.
    assert bentofile["python"]["lock_packages"] is False
