"""One store of small bentos, one ring for the stories that share it, and rings of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.local.ring.house import BRISK, House, a_spec, speakers

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A story that fails tells what its ring said and what it knew, while the ring still runs."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for name, value in item.funcargs.items():
            if isinstance(value, House):
                report.sections.append((f"ring of {name!r}", value.account()))
    return report


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bentos that say one, two, three, and one that cannot speak."""
    folder = tmp_path_factory.mktemp("home")
    speakers(folder, "one", "two", "three", "broken")
    return folder


@pytest.fixture(scope="package")
def shared(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A ring that scales and settles within seconds."""
    pace = {
        "DOHYO_SCORE_SECONDS": "0.2",
        "DOHYO_GRACE_SECONDS": "2",
        "DOHYO_CATCH_UP_SECONDS": "1",
    }
    house = House(tmp_path_factory.mktemp("r"), home, environment=BRISK | pace)
    try:
        house.write(a_spec("one", ("two", 10)))
        house.up()
        yield house
    finally:
        house.end()


@pytest.fixture
def house(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A ring that the test starts itself."""
    own = House(tmp_path_factory.mktemp("r"), home)
    try:
        yield own
    finally:
        own.end()
