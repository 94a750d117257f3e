"""The real service as a process, and what its clients send."""

from __future__ import annotations

import base64
import http.client
import json
import os
import secrets
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dohyo.contract import MODE_SPLIT
from dohyo.contract.documents import from_json, to_json
from dohyo.contract.evidence import EvidenceReport
from dohyo.contract.keys import FOR_RECORDS, FOR_TRIALS, Keys, parse_keys, read_keys
from dohyo.contract.prediction_id import PredictionId, encode
from dohyo.contract.trials import GatePlan, LabelPlan, TrialPlan
from tests.harness.ports import free_port
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dohyo.contract.arrivals import EventBatch
    from dohyo.contract.evidence import GateReport

NAMESPACE = "shop"
NAME = "satisfaction"
# Long enough for a slow machine to send its labels, short enough to wait for.
DELAY_SECONDS = 6.0
PROGRAM = Path(sys.executable).parent / "dohyo-evidence"


def key_folder(folder: Path) -> Path:
    """Master keys as a Secret's mount has them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "k1").write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    (folder / "current").write_text("k1")
    return folder


def operators(folder: Path) -> dict[str, str]:
    """What the operator shows."""
    token = read_keys(folder).installation_tokens(FOR_TRIALS)[0]
    return {"Authorization": f"Bearer {token}"}


@lru_cache
def keys_of(folder: Path, namespace: str = NAMESPACE) -> Keys:
    files = {path.name: path.read_text() for path in folder.iterdir()}
    return parse_keys(files).for_namespace(namespace)


@dataclass
class Service:
    """A running `dohyo-evidence`."""

    process: subprocess.Popen[bytes]
    port: int
    keys: Path
    name: str = NAME

    def of(self, name: str) -> Service:
        """The same service, asked about another ModelDeployment."""
        return replace(self, name=name)

    def plan(self, *gates: GatePlan, **changes: Any) -> TrialPlan:
        return plan(*gates, **{"deployment": self.name, **changes})

    def prediction(self, entity: str, **changes: Any) -> PredictionId:
        return prediction(entity, **{"deployment": self.name, **changes})

    def signed(self, made: PredictionId) -> str:
        return signed(made, self.keys)

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status, and the answer's JSON (or text where it is none)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            connection.request(method, path, raw, dict(headers or {}))
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text

    def declare(self, plan: TrialPlan) -> None:
        path = f"/v1/trials/{plan.namespace}/{plan.deployment}/{plan.trial}"
        status, said = self.ask("PUT", path, to_json(plan), operators(self.keys))
        assert status == 200, said

    def feedback(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        status, said = self.ask("POST", "/v1/feedback", {"rows": list(rows)})
        assert status == 200, said
        return dict(said)

    def events(self, batch: EventBatch) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {keys_of(self.keys).token(FOR_RECORDS)}"}
        return self.ask("POST", "/v1/events", to_json(batch), headers)

    def records(self, lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        token = keys_of(self.keys).token(FOR_RECORDS)
        body = "\n".join(map(json.dumps, lines)).encode()
        headers = {"Authorization": f"Bearer {token}"}
        status, said = self.ask("POST", "/v1/records", body, headers)
        assert status == 200, said
        return dict(said)

    def report(self) -> EvidenceReport:
        status, said = self.asked_for_report()
        assert status == 200, said
        return from_json(EvidenceReport, said)

    def until_gate(
        self, name: str, holds: Callable[[GateReport], bool], seconds: float = 60.0
    ) -> GateReport:
        """What the first trial's gate says, once that is so."""

        def look() -> GateReport:
            return next(gate for gate in self.report().trials[0].gates if gate.name == name)

        return until(f"the gate {name} is as it should be", look, holds, seconds=seconds)

    def asked_for_report(self) -> tuple[int, Any]:
        return self.ask(
            "GET", f"/v1/evidence/{NAMESPACE}/{self.name}", headers=operators(self.keys)
        )

    def metric(self, line: str) -> float:
        """The value of the metric with these labels, as Prometheus would read it."""
        text = str(self.ask("GET", "/metrics")[1])
        found = [one for one in text.splitlines() if one.startswith(line + " ")]
        return float(found[0].split()[-1]) if found else 0.0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=30)


@contextmanager
def running(database: str, keys: Path, **settings: str) -> Iterator[Service]:
    """The service on a port of its own, ready; killed at the end if it still runs."""
    port = int(settings.get("DOHYO_EVIDENCE_PORT") or free_port())
    environment = {
        **os.environ,
        "DOHYO_DATABASE_URL": database,
        "DOHYO_KEYS_FOLDER": str(keys),
        "DOHYO_EVIDENCE_PORT": str(port),
        "DOHYO_EVIDENCE_HOST": "127.0.0.1",
        "DOHYO_SCORE_SECONDS": "0.2",
        "DOHYO_GRACE_SECONDS": "0",
        "DOHYO_CATCH_UP_SECONDS": "0",
        **settings,
    }
    process = subprocess.Popen([str(PROGRAM)], env=environment)
    service = Service(process, port, keys)
    try:
        until("the service is ready", lambda: _ready(service), seconds=60)
        yield service
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=30)


def _ready(service: Service) -> bool:
    assert service.process.poll() is None, "the service ended"
    try:
        return service.ask("GET", "/readyz")[0] == 200
    except OSError:
        return False


def plan(*gates: GatePlan, **changes: Any) -> TrialPlan:
    """A trial that began a minute ago and settles labels after a few seconds."""
    values: dict[str, Any] = {
        "namespace": NAMESPACE,
        "deployment": NAME,
        "trial": "t1",
        "champion": "v12",
        "challenger": "v13",
        "salt": "s",
        "unit": "entity",
        "started": time.time() - 60,
        "gates": gates,
        "labels": LabelPlan(max_delay_seconds=DELAY_SECONDS),
        "window_seconds": 0.5,
        **changes,
    }
    return TrialPlan(**values)


def quality(**changes: Any) -> GatePlan:
    values: dict[str, Any] = {
        "harm_effect": 0.0,
        "pass_effect": 0.0,
        "harm_threshold": 20.0,
        "pass_threshold": 20.0,
        **changes,
    }
    return GatePlan("quality", "loss", loss="zero-one", **values)


def prediction(entity: str, **changes: Any) -> PredictionId:
    """An answer of a moment ago; its numbers say class 1."""
    values: dict[str, Any] = {
        "namespace": NAMESPACE,
        "deployment": NAME,
        "version": "v12",
        "trial": "t1",
        "epoch": 1,
        "mode": MODE_SPLIT,
        "arm": 0,
        "shares": (5_000, 5_000),
        "entity": entity.encode()[:8].rjust(8, b"0"),
        "bucket": None,
        "microseconds": int(time.time() * 1e6),
        "rows": 1,
        "numbers": (1.0,),
        "shadow": False,
        "nonce": secrets.token_bytes(8),
        **changes,
    }
    if values["version"] == "v13" and "arm" not in changes:
        values["arm"] = 1
    return PredictionId(**values)


def signed(made: PredictionId, folder: Path) -> str:
    keys = keys_of(folder, made.namespace)
    key = keys.signing_key(keys.current, made.namespace)
    assert key is not None
    return encode(made, keys.current, key)
