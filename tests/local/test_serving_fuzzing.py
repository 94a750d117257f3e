"""Requests that a fuzzer derives from the bento's own API description.

DOHYO_FUZZ_EXAMPLES raises their number; the nightly run takes 10,000.
"""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from images import samples
from images.paths import BENTOML_HOME
from tests.harness import bentos, model

pytestmark = pytest.mark.timeout(3600)
EXAMPLES = os.environ.get("DOHYO_FUZZ_EXAMPLES", "60")


def test_no_request_makes_a_fault_or_a_series() -> None:
    samples.ensure()
    with bentos.served(model.BOOSTING, home=BENTOML_HOME) as served:
        address = f"http://127.0.0.1:{served.port}"
        done = subprocess.run(
            [
                *(str(bentos.PROGRAMS / "schemathesis"), "run", f"{address}/docs.json"),
                *("--url", address, "--include-path", "/predict", "--seed", "7"),
                *("--checks", "not_a_server_error", "--max-examples", EXAMPLES),
                *("--mode", "all", "--no-color"),
            ],
            env={**os.environ, "NO_PROXY": "127.0.0.1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        metrics = served.get("/metrics")[1]
        codes = dict(
            re.findall(r'dohyo_serving_requests_total\{code="(\d+)".*"http".*\} (\S+)', metrics)
        )
        # It has really asked, and was refused for reasons of many kinds.
        assert sum(map(float, codes.values())) > int(EXAMPLES)
        assert "422" in codes
        assert all(int(code) < 500 for code in codes)
        assert len(codes) <= 8
        question = model.question(model.rows()[:1])
        assert served.post(question.path, question.body)[0] == 200
