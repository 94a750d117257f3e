from __future__ import annotations

import pytest

from dohyo_serving.requirements import installed_version, unmet

HERE = {"numpy": "2.4.6", "scikit-learn": "1.9.1"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("numpy==2.4.6", [], id="met"),
        pytest.param("numpy", [], id="any version"),
        pytest.param("scikit-learn>=1.2,<2", [], id="met range"),
        pytest.param("scikit-learn==1.2.0", ["scikit-learn==1.2.0 (here 1.9.1)"], id="other"),
        pytest.param("torch>=2", ["torch>=2 (not here)"], id="absent"),
        pytest.param('torch>=2 ; sys_platform == "win32"', [], id="not for this machine"),
        pytest.param("numpy==2.4.6 --hash=sha256:00", [], id="with a hash"),
        pytest.param("numpy==1.0 \\", ["numpy==1.0 (here 2.4.6)"], id="continued"),
        pytest.param("numpy==2.4.6  # exact", [], id="with a comment"),
        pytest.param("# numpy==1", [], id="comment"),
        pytest.param("", [], id="empty"),
        pytest.param("--no-index", [], id="option"),
        pytest.param("./wheels/own-1.0-py3-none-any.whl", [], id="file"),
    ],
)
def test_what_a_bento_asks_for_is_compared_with_what_is_here(
    line: str, expected: list[str]
) -> None:
    assert unmet([line], HERE.get) == expected


def test_versions_come_from_what_is_installed() -> None:
    assert installed_version("bentoml") == "1.4.39"
    assert installed_version("no-such-package-anywhere") is None
