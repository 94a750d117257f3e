"""What a bento says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dohyo_serving.fetch.errors import FetchError
from dohyo_serving.fetch.inspection import Bento, inspected, root_of

if TYPE_CHECKING:
    from pathlib import Path


def a_bento(folder: Path, source: str, described: str = "name: a\nversion: v1\n") -> Path:
    (folder / "src" / "deep").mkdir(parents=True)
    (folder / "src" / "deep" / "service.py").write_text(source)
    (folder / "bento.yaml").write_text(described)
    return folder


@pytest.mark.parametrize(
    ("source", "has_library"),
    [
        ("import bentoml\n", False),
        ("from dohyo_serving import service\n", True),
        ("import dohyo_serving.oip as oip\n", True),
        ("def f():\n    from dohyo_serving.form import x\n", True),
        ("# import dohyo_serving\n'dohyo_serving'\n", False),
        ("import dohyo_serving_not\n", False),
        ("import dohyo_serving\n    broken(", False),
        ("from . import dohyo_serving\n", False),
    ],
)
def test_who_imports_the_library(source: str, has_library: bool, tmp_path: Path) -> None:
    assert inspected(a_bento(tmp_path, source)) == Bento("a:v1", has_library)


@pytest.mark.parametrize(("label", "has_library"), [("true", True), ("'false'", False)])
def test_a_label_goes_before_the_sources(label: str, has_library: bool, tmp_path: Path) -> None:
    described = f"name: a\nversion: v1\nlabels: {{dohyo.dev/serving: {label}}}\n"
    source = "" if has_library else "import dohyo_serving\n"
    assert inspected(a_bento(tmp_path, source, described)).has_library is has_library


@pytest.mark.parametrize("described", ["", "[]", "name: a", "{", "name: !!python/none\n"])
def test_a_description_that_is_none(described: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="cannot be understood"):
        inspected(a_bento(tmp_path, "", described))


def test_a_bento_may_lie_in_the_only_folder(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="holds no bento"):
        root_of(tmp_path)
    inner = a_bento(tmp_path / "inner", "")
    assert root_of(tmp_path) == inner
    assert root_of(inner) == inner
