"""What the evidence service of a ring knows, asked as the ring itself asks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from dohyo.cluster.witnesses import Bench, report
from dohyo.contract.keys import FOR_TRIALS, read_keys
from dohyo.local.state import StateFolder
from dohyo.verdict.inquiry import Inquiry
from tests.local.ring.house import NAME

if TYPE_CHECKING:
    import psutil

    from dohyo.contract.evidence import GateReport
    from tests.local.ring.house import House


def trial(house: House) -> str:
    """The name of the only trial that goes on; empty while none does."""
    rollouts = house.resource().get("status", {}).get("rollouts", [])
    return str(rollouts[0].get("trial", "")) if len(rollouts) == 1 else ""


async def gate(house: House, name: str) -> GateReport:
    """What is known for one gate of the present trial."""
    presence = StateFolder(house.state).presence()
    assert presence is not None
    tokens = read_keys(house.state / "evidence" / "keys").installation_tokens(FOR_TRIALS)
    async with aiohttp.ClientSession() as session:
        bench = Bench(session, presence.evidence, tuple(tokens))
        known = await report(bench, Inquiry("default", NAME))
    (present,) = (one for one in known.trials if one.trial == trial(house))
    (found,) = (one for one in present.gates if one.name == name)
    return found


def service(house: House) -> psutil.Process | None:
    """The process of the service, while it runs."""
    for process in house.everything():
        if "dohyo_evidence.main" in process.cmdline():
            return process
    return None
