"""The header that says how a request came to its version."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dohyo.contract import Assignment, assignment_from_header, assignment_to_header

NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
SHARES = st.tuples(NAMES, st.integers(0, 10_000))


@given(
    st.builds(
        Assignment,
        trial=NAMES,
        epoch=st.integers(0, 2**31),
        version=NAMES,
        mode=st.sampled_from(["split", "pinned", "fallback", "shadow"]),
        champion=SHARES,
        challengers=st.lists(SHARES, max_size=8).map(tuple),
    )
)
def test_what_is_written_can_be_read(assignment: Assignment) -> None:
    assert assignment_from_header(assignment_to_header(assignment)) == assignment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "trial=t;epoch=x;version=a;mode=split;shares=a:1",
        "trial=t;epoch=1;version=a;mode=split",
        "trial=t;epoch=1;version=a;mode=split;shares=a",
    ],
)
def test_anything_else_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ValueError, match="is no assignment") as refused:
        assignment_from_header(text)
    assert repr(text) in str(refused.value)
