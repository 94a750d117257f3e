"""Names of children: short enough, stable, and never shared by two versions."""

from __future__ import annotations

import pytest

from dohyo.plan.child_names import MAX_LENGTH, child_name


@pytest.mark.parametrize(
    ("deployment", "version"),
    [("satisfaction", "v12"), ("a" * 63, "b" * 63), ("a" * 45, "-b".strip("-") * 2)],
)
def test_a_name_is_a_dns_label_with_room_for_a_pods_suffix(deployment: str, version: str) -> None:
    name = child_name(deployment, version)
    assert len(name) <= MAX_LENGTH
    assert name[0].isalpha()
    assert name[-1].isalnum()
    assert "--" not in name


def test_a_with_b_c_and_a_b_with_c_are_different() -> None:
    assert child_name("a", "b-c") != child_name("a-b", "c")


def test_long_names_that_start_alike_are_different() -> None:
    assert child_name("m" * 60, "v1") != child_name("m" * 60, "v2")
