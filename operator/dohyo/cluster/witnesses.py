"""One question to a witness over HTTP: the evidence service, Prometheus, a gateway's histograms."""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from dohyo.contract import AGENT_METRICS_PATH, METRIC_DURATION
from dohyo.contract.batch_evidence import BATCH_EVIDENCE_PATH, BatchEvidence
from dohyo.contract.documents import DocumentError, from_json, to_json
from dohyo.contract.evidence import EVIDENCE_PATH, STATE_ERROR, STATE_NO_DATA, EvidenceReport
from dohyo.contract.trials import TRIAL_PATH
from dohyo.verdict.evidence import Latency, Measured

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dohyo.contract.trials import TrialPlan
    from dohyo.verdict.inquiry import Inquiry, Query

_FAILURES: Final = (aiohttp.ClientError, OSError, TimeoutError)


class UnheardError(Exception):
    """A witness did not answer, or made no sense; says who and why.

    Attributes:
        refused: it answered, and will not say anything else next time.
    """

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


@dataclass(frozen=True)
class Bench:
    """Where the evidence service is heard.

    Attributes:
        session: for questions.
        url: of the service.
        tokens: by which it knows the operator, the newest key's first. While keys are exchanged
            the service may have a key that the operator does not have yet, or the other way
            round: any token that both know will do.
    """

    session: aiohttp.ClientSession
    url: str
    tokens: tuple[str, ...] = ()

    async def ask(self, verb: str, path: str, document: Any = None) -> tuple[int, bytes]:
        """Status and body of the answer.

        Raises:
            UnheardError: there is none.
        """
        status, body = 401, b""
        try:
            for token in self.tokens or ("",):
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                async with self.session.request(
                    verb, f"{self.url}{path}", json=document, headers=headers
                ) as response:
                    status, body = response.status, await response.read()
                if status != 401:
                    break
        except _FAILURES as error:
            raise UnheardError(f"evidence service at {self.url}: {_words(error)}") from error
        return status, body


async def declare(bench: Bench, plan: TrialPlan) -> None:
    """Tells the evidence service of a trial; the same plan again does no harm.

    Raises:
        UnheardError: it was not taken.
    """
    path = TRIAL_PATH.format(namespace=plan.namespace, name=plan.deployment, trial=plan.trial)
    status, body = await bench.ask("PUT", path, to_json(plan))
    if status >= 300:
        refused = status in (400, 409, 422)
        raise UnheardError(_refused(f"PUT {path}", status, body), refused=refused)


async def report(bench: Bench, about: Inquiry) -> EvidenceReport:
    """The evidence service's word; an empty one when it knows nothing yet.

    Raises:
        UnheardError: it cannot be had.
    """
    path = EVIDENCE_PATH.format(namespace=about.namespace, name=about.deployment)
    status, body = await bench.ask("GET", path)
    if status == 404:
        said = "the evidence service knows nothing yet"
        return EvidenceReport(about.namespace, about.deployment, 0.0, STATE_NO_DATA, said)
    # 503 is a report too: it says why there is none.
    if status not in (200, 503):
        raise UnheardError(_refused(f"GET {path}", status, body))
    try:
        found = from_json(EvidenceReport, json.loads(body))
    except (ValueError, DocumentError) as error:
        raise UnheardError(f"evidence service: GET {path}: no report: {error}") from error
    if found.state == STATE_ERROR:
        raise UnheardError(f"evidence service: {found.message}")
    return found


async def labels_of(
    bench: Bench, namespace: str, deployment: str, run: str
) -> BatchEvidence | None:
    """What later labels say of a batch run; None before the first of them.

    Raises:
        UnheardError: it cannot be had.
    """
    path = BATCH_EVIDENCE_PATH.format(namespace=namespace, name=deployment, run=run)
    status, body = await bench.ask("GET", path)
    if status == 404:
        return None
    if status != 200:
        raise UnheardError(_refused(f"GET {path}", status, body))
    try:
        return from_json(BatchEvidence, json.loads(body))
    except (ValueError, DocumentError) as error:
        raise UnheardError(f"evidence service: GET {path}: no labels: {error}") from error


async def measured(session: aiohttp.ClientSession, url: str, query: Query) -> Measured:
    """Prometheus' answer to a query, which must be one number."""
    if not url:
        return Measured(problem="no Prometheus is configured; set the operator's prometheus URL")
    try:
        address = f"{url}/api/v1/query"
        async with session.post(address, data={"query": query.text}) as response:
            document = json.loads(await response.read())
        if document.get("status") != "success":
            said = str(document.get("error", response.status))[:200]
            return Measured(problem=f"Prometheus refuses the query: {said}")
        return one_number(document["data"])
    except _FAILURES as error:
        return Measured(problem=f"Prometheus at {url}: {_words(error)}")
    except (ValueError, KeyError, TypeError, AttributeError):
        return Measured(problem=f"Prometheus at {url}: the answer is no answer to a query")


def one_number(data: Mapping[str, Any]) -> Measured:
    """The one number of a query's result; no series at all is no data."""
    kind, result = data["resultType"], data["result"]
    if kind == "scalar":
        return Measured(float(result[1]))
    if kind != "vector":
        return Measured(problem=f"the query gives a {kind}, not one number; aggregate it")
    if not result:
        return Measured(None)
    if len(result) > 1:
        said = f"the query gives {len(result)} series, not one number; aggregate it"
        return Measured(problem=said)
    value = float(result[0]["value"][1])
    return Measured(None if math.isnan(value) else value)


async def durations(session: aiohttp.ClientSession, address: str) -> str:
    """A gateway agent's metrics as text; empty when it does not answer."""
    try:
        async with session.get(f"http://{address}{AGENT_METRICS_PATH}") as response:
            return await response.text() if response.status == 200 else ""
    except _FAILURES:
        return ""


def latencies(texts: Iterable[str], namespace: str, deployment: str) -> dict[str, Latency]:
    """Histograms of all gateway pods added up, by version."""
    counts: dict[str, dict[float, int]] = {}
    for text in texts:
        for family in text_string_to_metric_families(text):
            if family.name != METRIC_DURATION:
                continue
            for sample in family.samples:
                labels = sample.labels
                ours = (labels.get("namespace"), labels.get("modeldeployment"))
                if ours != (namespace, deployment) or "le" not in labels:
                    continue
                by_bound = counts.setdefault(labels["version"], {})
                bound = float(labels["le"])
                by_bound[bound] = by_bound.get(bound, 0) + int(sample.value)
    return {version: Latency(tuple(sorted(found.items()))) for version, found in counts.items()}


def _refused(question: str, status: int, body: bytes) -> str:
    """What the service said, without its JSON around it."""
    text = body[:400].decode(errors="replace")
    with contextlib.suppress(ValueError, KeyError, TypeError):
        text = str(json.loads(body)["error"])
    return f"evidence service: {question}: {status} {text[:240]}"


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
