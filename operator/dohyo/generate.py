"""Every generated file of the repository, printed from its one source.

Run ``python -m dohyo.generate`` at the top of a checkout. With ``--check`` nothing is written;
stale files are named and the exit code is 1.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dohyo.api.crd import crd_template
from dohyo.api.definition import BATCH_PREDICTION
from dohyo.api.reference import batchprediction_page, modeldeployment_page, unsupported_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Generated = tuple[Path, "Callable[[], str]"]

# Path from the top of the checkout, and the text that must stand there.
FILES: Final[tuple[Generated, ...]] = (
    (Path("charts/dohyo-crds/templates/modeldeployments.yaml"), crd_template),
    (
        Path("charts/dohyo-crds/templates/batchpredictions.yaml"),
        lambda: crd_template(BATCH_PREDICTION),
    ),
    (Path("docs/reference/modeldeployment.md"), modeldeployment_page),
    (Path("docs/reference/batchprediction.md"), batchprediction_page),
    (Path("docs/reference/unsupported.md"), unsupported_page),
)
# Modules of the checkout that are no part of this package and have files of their own.
_FURTHER: Final = (
    "charts.generate",
    "dohyo_serving.oip.generate",
    "dohyo_training.reference",
)


def generated(top: Path) -> Iterator[Generated]:
    """Every generated file, with its absolute path."""
    for path, render in FILES:
        yield top / path, render
    for module in _FURTHER:
        yield from importlib.import_module(module).FILES


def stale(top: Path) -> Iterator[tuple[Path, str]]:
    """The files whose text is not what it must be, with that text."""
    for path, render in generated(top):
        text = render()
        if not path.exists() or path.read_text() != text:
            yield path, text


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dohyo.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, name stale files")
    check = parser.parse_args(arguments).check
    top = Path.cwd()
    if not (top / "pyproject.toml").exists():
        print(f"{top} is not the top of a checkout; change there first", file=sys.stderr)
        return 2
    # Under `python -m` the present folder is on the path; under other entry points it may not be.
    if str(top) not in sys.path:
        sys.path.insert(0, str(top))
    found = list(stale(top))
    for path, text in found:
        if check:
            print(f"{path.relative_to(top)} is stale; run `make generate`", file=sys.stderr)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(f"wrote {path.relative_to(top)}")
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main())
