"""What labels that come after a run say of its versions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dohyo_evidence.batch_labels import batch_evidence


def label(version: str, nonce: int, predicted: float, truth: float, *, classes: bool) -> Any:
    return SimpleNamespace(
        version=version, nonce=f"{nonce:016x}", classes=classes, predicted=predicted, label=truth
    )


def test_versions_are_compared_on_the_rows_that_both_scored() -> None:
    chance = np.random.default_rng(1)
    truth = chance.integers(0, 2, 300)
    wrong = {"v12": chance.random(300) < 0.4, "v13": chance.random(300) < 0.1}
    rows = [
        label(name, n, float(truth[n] ^ wrong[name][n]), float(truth[n]), classes=True)
        for n in range(300)
        for name in ("v12", "v13")
        # The last hundred labels came with the first version's ids alone.
        if name == "v12" or n < 200
    ]

    found = batch_evidence("shop", "model", "weekly-1", rows)

    assert [(v.name, v.rows, v.loss) for v in found.versions] == [
        ("v12", 300, "zero-one"),
        ("v13", 200, "zero-one"),
    ]
    assert found.versions[0].mean == pytest.approx(wrong["v12"].mean())
    (pair,) = found.pairs
    assert (pair.first, pair.other, pair.rows, pair.verdict) == ("v12", "v13", 200, "better")
    assert pair.gain == pytest.approx(wrong["v12"][:200].mean() - wrong["v13"][:200].mean())
    assert pair.better is not None
    assert pair.worse is not None
    assert pair.better >= 20.0
    assert pair.worse < 1.0


def test_rows_of_one_version_alone_make_no_pair() -> None:
    rows = [label("v12", n, 1.0, 1.0, classes=True) for n in range(5)]
    rows += [label("v13", n, 1.0, 1.0, classes=True) for n in range(5, 9)]

    assert batch_evidence("shop", "model", "weekly-1", rows).pairs == ()


def test_numbers_have_absolute_errors_and_no_e_value() -> None:
    rows = [
        label(name, n, n + off, n, classes=False)
        for n in range(4)
        for name, off in (("v12", 2.0), ("v13", -0.5))
    ]

    found = batch_evidence("shop", "model", "weekly-1", rows)

    assert [(v.loss, v.mean) for v in found.versions] == [
        ("absolute error", 2.0),
        ("absolute error", 0.5),
    ]
    (pair,) = found.pairs
    assert (pair.rows, pair.gain, pair.better, pair.verdict) == (4, 1.5, None, "undecided")


def test_versions_that_are_alike_decide_nothing() -> None:
    rows = [
        label(name, n, float(n % 3 == 0), 0.0, classes=True)
        for n in range(900)
        for name in ("v12", "v13")
    ]

    (pair,) = batch_evidence("shop", "model", "weekly-1", rows).pairs

    assert (pair.gain, pair.verdict) == (0.0, "undecided")
    assert pair.better == pytest.approx(1.0)
    assert pair.worse == pytest.approx(1.0)
