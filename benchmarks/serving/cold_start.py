"""`python -m benchmarks.serving.cold_start`: what it costs until the sample bento is ready.

CPU seconds and resident memory of the process tree, `dohyo-serve` against `bentoml serve`, in
turn. Ends with code 1 when a ratio is above its limit.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from statistics import median

from benchmarks.serving import measuring
from images import samples
from images.paths import BENTOML_HOME
from tests.harness import bentos, model, ports
from tests.harness.until import until

MOST_CPU = 0.7
MOST_MEMORY = 0.7
OURS, BENTOML = "dohyo-serve", "bentoml serve"


def started(name: str, bento: str) -> tuple[float, int]:
    """CPU seconds until ready, and bytes of memory after the first prediction."""
    port = ports.free_port()
    grpc_port = str(ports.free_port())
    where = ["--host", "127.0.0.1", "--port", str(port)]
    commands = {
        OURS: [str(bentos.PROGRAMS / OURS), bento, *where, "--grpc-port", grpc_port],
        BENTOML: [sys.executable, "-m", "bentoml", "serve", bento, *where],
    }
    with tempfile.TemporaryFile("w") as log:
        process = subprocess.Popen(
            commands[name],
            env={**bentos.surroundings(BENTOML_HOME), "DOHYO_GRPC_PORT": grpc_port},
            cwd=os.path.expanduser("~"),  # noqa: PTH111
            stdout=log,
            stderr=log,
            text=True,
        )
        served = bentos.Served(port, process)
        try:
            until(f"{name} is ready", lambda: bentos.state(served), ("200").__eq__, seconds=120)
            spent = measuring.cpu_seconds(process.pid)
            question = model.question(model.rows()[:1])
            assert served.post(question.path, question.body)[0] == 200
            return spent, measuring.memory_bytes(process.pid)
        finally:
            process.terminate()
            process.wait(30)


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.serving.cold_start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    samples.ensure()
    missed = False
    for bento in (model.LOGISTIC, model.BOOSTING):
        found: dict[str, list[tuple[float, int]]] = {OURS: [], BENTOML: []}
        for _ in range(rounds):
            for name, measured in found.items():
                measured.append(started(name, bento))
        cpu = {name: median(m[0] for m in each) for name, each in found.items()}
        memory = {name: median(m[1] for m in each) for name, each in found.items()}
        for name in found:
            print(f"{bento}, {name}: {cpu[name]:.1f} s CPU, {memory[name] / 1e6:.0f} MB")
        ratios = cpu[OURS] / cpu[BENTOML], memory[OURS] / memory[BENTOML]
        print(f"ratios: {ratios[0]:.2f} (limit {MOST_CPU}), {ratios[1]:.2f} (limit {MOST_MEMORY})")
        missed |= ratios[0] > MOST_CPU or ratios[1] > MOST_MEMORY
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
