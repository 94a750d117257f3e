"""What one ring keeps for the next, and what is no such thing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dohyo.local.failure import RingError
from dohyo.local.state import StateFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

METADATA = {"name": "m", "namespace": "default"}


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateFolder]:
    folder = StateFolder(tmp_path)
    folder.hold()
    yield folder
    folder.release()


def test_what_was_kept_is_remembered_until_it_is_forgotten(state: StateFolder) -> None:
    assert state.remembered() == []
    kept = [{"metadata": METADATA, "spec": {}, "status": {"champion": "v1"}}]
    state.remember(kept)
    assert state.remembered() == kept
    state.forget()
    assert state.remembered() == []


@pytest.mark.parametrize(
    "spoilt",
    [
        "",
        "garbage",
        "{}",
        "[3]",
        '[{"a": 1}]',
        json.dumps([{"metadata": {"name": "m"}, "spec": {}}]),
        json.dumps([{"metadata": METADATA, "spec": 3}]),
        json.dumps([{"metadata": METADATA, "spec": {}, "status": {"versions": 7}}]),
    ],
)
def test_what_is_spoilt_is_told_and_not_written_over(state: StateFolder, spoilt: Any) -> None:
    file = state.folder / "objects.json"
    file.write_text(spoilt)
    with pytest.raises(RingError, match=r"objects.json is not what a ring has kept; .*--fresh"):
        state.remembered()
    assert file.read_text() == spoilt
