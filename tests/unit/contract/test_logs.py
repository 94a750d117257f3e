"""The log lines of the data plane, as a collector reads them."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import logging
from dohyo.contract import logs
logs.set_up("info", ("chatty",))
logging.getLogger("chatty").info("never seen")
logging.getLogger("dohyo_gateway").info("größer: %d", 5)
try:
    raise KeyError("k1")
except KeyError:
    logging.getLogger("dohyo_gateway").exception("it fails")
"""


def test_each_line_is_one_object() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=30
    )
    first, second = (json.loads(line) for line in done.stderr.splitlines())
    assert (first["level"], first["logger"]) == ("info", "dohyo_gateway")
    assert first["message"] == "größer: 5"
    assert first["time"].endswith("+00:00")
    assert (second["level"], second["message"]) == ("error", "it fails")
    assert second["exception"].endswith("KeyError: 'k1'")
