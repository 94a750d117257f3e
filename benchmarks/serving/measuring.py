"""Load by wrk and ghz, and the CPU time that the whole process tree of a server spends on it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil

from cluster import go_toolchain, paths
from cluster.paths import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.serving.servers import Server

GHZ = ("github.com/bojand/ghz/cmd/ghz", "v0.121.0")
PROTO = REPOSITORY / "services" / "dohyo_serving" / "oip" / "open_inference.proto"
POST = """
local file = io.open(os.getenv("BODY"))
wrk.method, wrk.body = "POST", file:read("*a")
wrk.headers["Content-Type"] = "application/json"
"""
# Clients that pause: between two requests for a random time, so that they do not fall into step.
PACED = (
    POST
    + """
local mean, found = tonumber(os.getenv("PAUSE_MS")), os.getenv("FOUND")
function init() math.randomseed(os.time()) end
function delay() return math.floor(0.5 - math.log(1 - math.random()) * mean) end
function done(summary, latency)
  local out, errors = io.open(found, "w"), summary.errors
  local failed = errors.status + errors.timeout + errors.read + errors.write + errors.connect
  out:write(failed, " ", summary.requests, "\\n")
  for place = 1, #latency do
    local microseconds, count = latency(place)
    out:write(microseconds, " ", count, "\\n")
  end
  out:close()
end
"""
)


@dataclass(frozen=True)
class Measured:
    """One window: CPU microseconds of the server per request, requests per second, milliseconds."""

    cpu: float
    rate: float
    p50: float
    p99: float
    failed: int


@dataclass(frozen=True)
class Load:
    """Clients with a connection each, and how long one pauses on average after an answer."""

    clients: int
    pause_seconds: float
    seconds: int


@dataclass(frozen=True)
class Paced:
    """Requests at a rate: how many, those that failed, and answers by their milliseconds."""

    requests: int
    failed: int
    answers: Counter[float]


def by_http(server: Server, connections: int, seconds: float, work: Path) -> Measured:
    """Load over HTTP from the other core.

    Raises:
        RuntimeError: wrk is not installed, or said something else than it should.
    """
    before = cpu_seconds(server.process.pid)
    said = _said(_wrk(server, connections, seconds, work, POST), {"BODY": str(server.body)})
    spent = cpu_seconds(server.process.pid) - before
    requests = _number(r"(\d+) requests in", said)
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    return Measured(
        cpu=spent / max(requests, 1) * 1e6,
        rate=_number(r"Requests/sec:\s+([\d.]+)", said),
        p50=_milliseconds("50%", said),
        p99=_milliseconds("99%", said),
        failed=int(failed[1]) if failed else 0,
    )


def paced(server: Server, load: Load, work: Path) -> Paced:
    """Load over HTTP from the other core by clients that pause between their requests.

    An answer later than two seconds counts as failed. What a client could not ask while it waited
    for an answer counts as if it had waited as well (wrk corrects for it).

    Args:
        server: what is asked.
        load: how much of it.
        work: a folder for what wrk reads and writes.

    Raises:
        RuntimeError: wrk is not installed, or fails.
    """
    found = work / "found.txt"
    environment = {
        "BODY": str(server.body),
        "FOUND": str(found),
        "PAUSE_MS": f"{1e3 * load.pause_seconds:g}",
    }
    _said(_wrk(server, load.clients, load.seconds, work, PACED), environment)
    (failed, requests), *rows = (line.split() for line in found.read_text().splitlines())
    return Paced(
        int(requests), int(failed), Counter({float(us) / 1e3: int(count) for us, count in rows})
    )


def by_grpc(server: Server, body: Path, connections: int, seconds: float) -> Measured:
    """Load over gRPC, one connection for four callers."""
    assert server.grpc is not None
    command = ["taskset", "-c", "1", str(ghz()), "--insecure", "--proto", str(PROTO)]
    command += ["--call", "inference.GRPCInferenceService.ModelInfer", "-D", str(body)]
    command += ["-c", str(connections), "--connections", str(max(1, connections // 4))]
    command += ["-z", f"{seconds:g}s", "--duration-stop", "wait", "-O", "json", server.grpc]
    before = cpu_seconds(server.process.pid)
    report: dict[str, Any] = json.loads(_said(command, {}))
    spent = cpu_seconds(server.process.pid) - before
    latencies = {
        each["percentage"]: each["latency"] / 1e6 for each in report["latencyDistribution"]
    }
    answered = report["statusCodeDistribution"].get("OK", 0)
    return Measured(
        cpu=spent / max(report["count"], 1) * 1e6,
        rate=report["rps"],
        p50=latencies[50],
        p99=latencies[99],
        failed=report["count"] - answered,
    )


def cpu_seconds(process_id: int) -> float:
    """Of a process, all that it started, and those of them that have ended."""
    root = psutil.Process(process_id)
    total = 0.0
    for process in (root, *root.children(recursive=True)):
        times = process.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
    return total


def memory_bytes(process_id: int) -> int:
    root = psutil.Process(process_id)
    tree = (root, *root.children(recursive=True))
    return sum(int(process.memory_info().rss) for process in tree)


def ghz() -> Path:
    """ghz, built once from the Go module proxy."""
    package, version = GHZ
    target = paths.cache() / "tools" / f"ghz-{version}" / "ghz"
    if not target.exists():
        go_toolchain.install(package, version, target)
    return target


def _wrk(server: Server, connections: int, seconds: float, work: Path, script: str) -> list[str]:
    program = shutil.which("wrk")
    if program is None:
        raise RuntimeError("wrk is missing; `apt-get install wrk`")
    file = work / "load.lua"
    file.write_text(script)
    command = ["taskset", "-c", "1", program, "-t1", f"-c{connections}", f"-d{seconds:g}s"]
    return [*command, "--latency", "-s", str(file), server.url]


def _said(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, **environment}
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.stdout}")
    return done.stdout


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"no {pattern} in: {text}")
    return float(found[1])


def _milliseconds(percentile: str, text: str) -> float:
    found = re.search(rf"{percentile}\s+([\d.]+)(us|ms|s|m)\b", text)
    if found is None:
        raise RuntimeError(f"no {percentile} in: {text}")
    return float(found[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}[found[2]]
