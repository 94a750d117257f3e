"""A run that is told to end, as Kubernetes tells a pod: soon, whole, and without orphans."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from dohyo_training.state import folder_or_nothing
from tests.harness.until import until

CONFIGURATION = {
    "task": {"target": "target"},
    "data": {"sources": [{"name": "s", "kind": "sklearn", "dataset": "wine"}]},
    "analysis": {"table_report": False},
    "selection": {"method": "none"},
    "folds": {"k": 3},
    # Each fit of the second takes minutes: nobody waits for one to end.
    "models": [
        {"name": "linear", "grid": {"C": [1.0]}},
        {"name": "forest", "grid": {"n_estimators": [200_000]}},
    ],
    "search": {"jobs": 2},
    "output": {"name": "wine"},
}


def test_a_terminated_run_ends_at_once_and_leaves_no_process(tmp_path: Path) -> None:
    (tmp_path / "training.yaml").write_text(yaml.safe_dump(CONFIGURATION))
    program = str(Path(sys.executable).with_name("dohyo-train"))
    with subprocess.Popen(
        [program, "training.yaml"],
        cwd=tmp_path,
        env=os.environ | {"BENTOML_HOME": str(tmp_path / "bentoml"), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        itself = psutil.Process(run.pid)

        def fitting() -> bool:
            return any(child.cpu_times().user > 8 for child in itself.children(recursive=True))

        until("a fit is under way", fitting, seconds=90)
        workers = itself.children(recursive=True)
        run.terminate()
        began = time.monotonic()
        _, said = run.communicate(timeout=60)
    assert run.returncode == 143
    assert time.monotonic() - began < 20
    assert said.splitlines()[-1] == "dohyo train: terminated; nothing half-written stays"
    assert "Traceback" not in said
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
    assert not list((tmp_path / "build" / "training").glob("*wine*"))


def test_what_a_killed_run_left_is_swept_and_what_another_writes_is_not(tmp_path: Path) -> None:
    left, written = tmp_path / ".wine-1.abandoned", tmp_path / ".wine-1.fresh"
    for folder in (left, written):
        (folder / "model").mkdir(parents=True)
    yesterday = time.time() - 100_000
    os.utime(left, (yesterday, yesterday))
    with pytest.raises(KeyboardInterrupt), folder_or_nothing(tmp_path / "wine-1"):
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == [written.name]
