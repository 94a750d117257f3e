"""Who leads, who waits, and what ends a lead."""

from __future__ import annotations

import dataclasses
import signal
import time
from typing import TYPE_CHECKING

from tests.harness.access import project_access
from tests.harness.interception import Proxy
from tests.harness.live import Name
from tests.harness.manifests import model_deployment
from tests.harness.operator_process import OperatorProcess, operator
from tests.harness.pausing import pausing
from tests.harness.until import always, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.operator_process import Station
    from tests.integration.conftest import Field

TAKEOVER_SECONDS = 20
HANDOVER_SECONDS = 6


def second(field: Field) -> Station:
    return dataclasses.replace(field.station, log=field.station.log.with_name("second.log"))


def leads(process: OperatorProcess) -> bool:
    return "\ndohyo_leader 1.0" in process.metrics()


def standby(field: Field) -> OperatorProcess:
    """A second operator that waits for the first to give way."""
    process = OperatorProcess(second(field))
    until("the standby is ready", lambda: process.get("/readyz")[0] == 200, seconds=30)
    assert process.get("/livez")[0] == 200
    assert not leads(process)
    return process


def test_one_leads_the_other_waits_and_takes_over_at_once_when_asked_to(field: Field) -> None:
    with operator(field.station) as first:
        waiting = standby(field)
        try:
            asked = time.monotonic()
            assert first.stop() == 0
            until("the standby leads", lambda: leads(waiting), seconds=HANDOVER_SECONDS)
            assert time.monotonic() - asked < HANDOVER_SECONDS
            field.apply(model_deployment("churn", pausing("v1")))
            field.settled("churn", waiting)
        finally:
            assert waiting.stop() == 0
    lease = field.get("Lease", "dohyo-operator")
    assert lease is not None
    assert not lease["spec"].get("holderIdentity")


def test_a_killed_leader_is_replaced_within_twenty_seconds(field: Field) -> None:
    first = OperatorProcess(field.station).await_lead()
    waiting = standby(field)
    try:
        first.kill()
        killed = time.monotonic()
        until("the standby leads", lambda: leads(waiting), seconds=TAKEOVER_SECONDS)
        print(f"taken over after {time.monotonic() - killed:.1f} s")
    finally:
        assert waiting.stop() == 0


def test_a_leader_that_cannot_renew_ends_with_one_line(field: Field, tmp_path: Path) -> None:
    with Proxy(project_access(), tmp_path / "kubeconfig") as proxy:
        station = dataclasses.replace(field.station, kubeconfig=proxy.kubeconfig)
        process = OperatorProcess(station).await_lead()
        proxy.cut()
        assert process.await_end(seconds=25) == 1
    last = process.log().splitlines()[-1]
    assert "level=critical" in last
    assert "could not be renewed for 10 s" in last
    assert "Traceback" not in process.log()


def test_a_leader_whose_lease_somebody_took_ends(field: Field) -> None:
    process = OperatorProcess(field.station).await_lead()
    lease = Name("Lease", "dohyo-operator", field.namespace)
    field.live.patch(lease, {"spec": {"holderIdentity": "somebody-else"}})
    assert process.await_end(seconds=15) == 1
    assert "somebody-else holds the Lease now" in process.log()


def test_without_the_definition_it_waits_and_says_so_once(field: Field, tmp_path: Path) -> None:
    with Proxy(project_access(), tmp_path / "kubeconfig") as proxy:
        proxy.hidden = "/apis/dohyo.dev"
        station = dataclasses.replace(field.station, kubeconfig=proxy.kubeconfig)
        missing = "modeldeployments.dohyo.dev, batchpredictions.dohyo.dev"
        with operator(station, leads=False) as process:
            until(
                "it says what is missing",
                lambda: process.get("/readyz"),
                lambda answer: answer == (503, f"not defined: {missing}\n"),
                seconds=20,
            )
            assert process.get("/livez")[0] == 200
            always("it waits", lambda: process.running, bool, seconds=6)
            proxy.hidden = None
            process.await_lead()
            assert process.log().count(f"not defined: {missing}") == 1


def test_an_interrupt_is_a_request_to_end(field: Field) -> None:
    process = OperatorProcess(field.station).await_lead()
    process.send(signal.SIGINT)
    assert process.await_end() == 0
