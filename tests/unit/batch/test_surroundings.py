"""What a place is opened with: the output's own variables, or the input's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dohyo_batch.surroundings import of_output, surrounded

if TYPE_CHECKING:
    import pytest

READING = {"AWS_ACCESS_KEY_ID": "reader", "AWS_SESSION_TOKEN": "of the reader", "HOME": "/tmp"}


def test_the_output_is_opened_as_the_input_unless_it_has_its_own() -> None:
    assert of_output(READING) == READING
    assert of_output({**READING, "DOHYO_OUTPUT_AWS_ACCESS_KEY_ID": "writer"}) == {
        "AWS_ACCESS_KEY_ID": "writer",
        "HOME": "/tmp",
        "DOHYO_OUTPUT_AWS_ACCESS_KEY_ID": "writer",
    }


def test_no_variable_of_a_store_is_another_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in READING.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    with surrounded({"AWS_ACCESS_KEY_ID": "writer", "AWS_REGION": "eu"}):
        found = {name: text for name, text in os.environ.items() if name.startswith("AWS_")}
        assert found == {"AWS_ACCESS_KEY_ID": "writer", "AWS_REGION": "eu"}
        assert os.environ["HOME"] == "/tmp"
    assert dict(os.environ) == before
