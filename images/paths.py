"""Where the images' inputs and intermediate products lie."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
REPOSITORY = PACKAGE.parent
LOCKS = REPOSITORY / "locks"
BUILD = REPOSITORY / "build"
WHEELHOUSE = BUILD / "wheelhouse"
CONTEXTS = BUILD / "images"
BENTOML_HOME = BUILD / "bentoml"
