from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dohyo.api.defaults import EffectiveScaling, effective_scaling
from dohyo.api.modeldeployment import ModelDeploymentSpec
from dohyo.api.quantities import amount, is_quantity
from dohyo.api.scalars import duration_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("14d", 1_209_600)],
)
def test_durations(text: str, seconds: float) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "1.5h", "10 m", "-1s", "2w", "1s1s1s1s1s1s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        duration_seconds(text)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (2, "2"),
        ("500m", "0.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1Ki", "1024"),
        ("1.5Gi", "1610612736"),
        ("2Ei", "2305843009213693952"),
        ("1E", "1e18"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("5e-1", "0.5"),
        ("3k", "3000"),
        ("7n", "7e-9"),
    ],
)
def test_quantities(value: int | str, number: str) -> None:
    assert amount(value) == Decimal(number)


@pytest.mark.parametrize("value", ["", "1GB", "-1", -1, True, "1 Gi", "Ki", "1,5", None, 1.5])
def test_what_is_no_quantity(value: object) -> None:
    assert not is_quantity(value)


@given(st.integers(0, 10_000))
def test_every_share_of_two_decimals_is_a_whole_number_of_buckets(buckets: int) -> None:
    spec = ModelDeploymentSpec.model_validate(
        {
            "champion": {"name": "a", "bento": "a:b", "image": "a:b"},
            "challengers": [{"name": "c", "bento": "a:c", "image": "a:c", "weight": buckets / 100}],
        }
    )
    assert spec.challengers[0].weight_bp == buckets


def a_scaling(common: dict[str, object], own: dict[str, object]) -> EffectiveScaling:
    spec = ModelDeploymentSpec.model_validate(
        {
            "champion": {"name": "a", "bento": "a:b", "image": "a:b", "scaling": own},
            "scaling": common,
        }
    )
    return effective_scaling(spec, spec.champion)


@pytest.mark.parametrize(
    ("common", "own", "expected"),
    [
        pytest.param({}, {}, EffectiveScaling(1, 8, "concurrency", 8, 300), id="nothing said"),
        pytest.param(
            {"metric": "rps", "target": 50, "minReplicas": 2},
            {"maxReplicas": 3},
            EffectiveScaling(2, 3, "rps", 50, 300),
            id="an override replaces only itself",
        ),
        pytest.param(
            {"metric": "concurrency", "target": 4},
            {"metric": "cpu"},
            EffectiveScaling(1, 8, "cpu", 70, 300),
            id="another metric's target has another unit",
        ),
        pytest.param(
            {"minReplicas": 0, "idleSeconds": 60},
            {},
            EffectiveScaling(1, 8, "concurrency", 8, 60),
            id="nothing sleeps yet",
        ),
    ],
)
def test_effective_scaling(
    common: dict[str, object], own: dict[str, object], expected: EffectiveScaling
) -> None:
    assert a_scaling(common, own) == expected


def test_content_is_what_runs_and_not_how() -> None:
    def content(**fields: object) -> str:
        champion = {"name": "a", "bento": "a:b", "image": "a:b", **fields}
        return ModelDeploymentSpec.model_validate({"champion": champion}).champion.content

    assert content() == content(name="other", resources={"requests": {"cpu": 1}})
    assert len({content(), content(image="a:c"), content(bento="a:c"), content(uri="s3://a")}) == 4
