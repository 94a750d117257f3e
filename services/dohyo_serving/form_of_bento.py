"""The serving form inside a bento, without BentoML: for who predicts and serves nobody.

BentoML and the service's own code cost half a second and 40 MB. They are left out where the bento
says that its service does nothing but load the form of its one model, and nothing speaks against.
Whatever is unusual is left to `dohyo_serving.bento`, which explains it.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from dohyo_form.errors import FormError
from dohyo_form.form import ANSWERS_BY, FORM
from dohyo_serving.predictors import FormPredictor, form_in
from dohyo_serving.requirements import installed_version, unmet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BENTO_FILE: Final = "bento.yaml"
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def form_of_bento(folder: Path) -> FormPredictor | None:
    """The predictor of a built bento that answers by its form; None to ask its service."""
    try:
        document = yaml.load((folder / BENTO_FILE).read_bytes(), _LOADER)  # noqa: S506 - safe
        if document["labels"].get(ANSWERS_BY) != FORM or not _fits(document):
            return None
        (tag,) = _models(document)
        place = next(path for path in _places(folder, tag) if path.is_dir())
        form = form_in(place)
    except (OSError, yaml.YAMLError, FormError, LookupError, TypeError, ValueError, StopIteration):
        return None
    return FormPredictor(form) if form is not None and not form.replay() else None


def _models(document: Mapping[str, Any]) -> set[str]:
    services = document.get("services") or ()
    return {model["tag"] for each in (document, *services) for model in each.get("models") or ()}


def _places(folder: Path, tag: str) -> Iterator[Path]:
    """Where a model may lie: in an unpacked bento, or in the store."""
    name, _, version = tag.partition(":")
    yield folder / "models" / name / version
    home = os.environ.get("BENTOML_HOME")
    yield (Path(home) if home else Path.home() / "bentoml") / "models" / name / version


def _fits(document: Mapping[str, Any]) -> bool:
    """Whether this process has what the bento was built for, as far as it says."""
    image = document.get("image") or {}
    python = str(image.get("python_version") or "")
    other = python and python.split(".")[:2] != platform.python_version().split(".")[:2]
    asked = str(image.get("python_requirements") or "")
    return not other and not unmet(asked.splitlines(), installed_version)
