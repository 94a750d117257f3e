"""The layout that imports depend on."""

from __future__ import annotations

import subprocess
import sys

from cluster.paths import REPOSITORY


def test_the_operator_folder_is_no_package() -> None:
    """With an `__init__.py` it would shadow the standard library's `operator`."""
    assert not (REPOSITORY / "operator" / "__init__.py").exists()
    code = "import operator; operator.attrgetter"
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)


def test_the_contract_needs_the_standard_library_alone() -> None:
    code = "import sys; sys.path.insert(0, 'operator'); import dohyo.contract"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=REPOSITORY, check=True)


def test_no_module_has_grown_beyond_reading() -> None:
    folders = ("operator", "services", "training", "cluster", "images", "charts", "tests")
    modules = [path for folder in folders for path in (REPOSITORY / folder).rglob("*.py")]
    long = [path for path in modules if len(path.read_text().splitlines()) > 500]
    assert long == []


def test_no_module_is_named_for_everything_and_nothing() -> None:
    vague = {"utils", "util", "common", "helpers", "helper", "manager", "misc"}
    folders = ("operator", "services", "training", "cluster", "images", "tests")
    found = [p for f in folders for p in (REPOSITORY / f).rglob("*.py") if p.stem in vague]
    assert found == []
