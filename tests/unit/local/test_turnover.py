"""Who is started and who is retired on the way to what a Deployment asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dohyo.local.pods import LABEL_TEMPLATE, ReplicaState
from dohyo.local.turnover import Turnover, turnover


def replicas(text: str) -> list[ReplicaState]:
    """One for each word: o or n (old or new template), a number, and + when it is ready."""
    return [
        ReplicaState(
            name=word.rstrip("+"),
            namespace="default",
            labels={LABEL_TEMPLATE: "old" if word[0] == "o" else "new"},
            log="",
            created_at="",
            ready=word.endswith("+"),
        )
        for word in text.split()
    ]


@pytest.mark.parametrize(
    ("wanted", "here", "starts", "retires"),
    [
        (2, "", 2, ()),
        (2, "n1+ n2", 0, ()),
        (1, "n1+ n2+", 0, ("n2",)),
        (1, "n1 n2+", 0, ("n1",)),
        (0, "n1+", 0, ("n1",)),
        # A new template: one more at a time, and none goes before another is ready.
        (2, "o1+ o2+", 1, ()),
        (2, "o1+ o2+ n1", 0, ()),
        (2, "o1+ o2+ n1+", 0, ("o1",)),
        (2, "o2+ n1+", 1, ()),
        (2, "o2+ n1+ n2+", 0, ("o2",)),
        (1, "o1", 1, ("o1",)),
    ],
)
def test_the_next_step(wanted: int, here: str, starts: int, retires: tuple[str, ...]) -> None:
    assert turnover(wanted, "new", replicas(here)) == Turnover(starts, retires)


@given(st.integers(1, 4), st.lists(st.sampled_from(["o", "n"]), max_size=5))
def test_the_steps_end_with_what_is_wanted_and_never_with_fewer_ready(
    wanted: int, templates: list[str]
) -> None:
    here = replicas(" ".join(f"{kind}{number}+" for number, kind in enumerate(templates)))
    ready_at_first = min(wanted, len(here))
    for number in range(40):
        step = turnover(wanted, "new", here)
        if step == Turnover():
            break
        here = [r for r in here if r.name not in step.retires]
        assert sum(r.ready for r in here) >= ready_at_first
        here += replicas(" ".join(f"n{10 + number}{n}+" for n in range(step.starts)))
        assert len(here) <= max(wanted + 1, len(templates))
    assert [r.template for r in here] == ["new"] * wanted
