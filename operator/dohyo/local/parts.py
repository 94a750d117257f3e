"""What a ring is made of: the operator's own parts, and local edges around them."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from dohyo.cluster.apply import Applier
from dohyo.cluster.evidence import Inquirer
from dohyo.cluster.gateways import Gateways, Whereabouts
from dohyo.cluster.kinds import MODEL_DEPLOYMENT
from dohyo.cluster.recorder import Recorder
from dohyo.cluster.tally import Tally
from dohyo.configuration import configuration
from dohyo.local.admission import located
from dohyo.local.evidence import Archive, LocalEvidence
from dohyo.local.gateway import HOST, LocalGateway, Quarters
from dohyo.local.replica import Surroundings
from dohyo.local.workloads import Workloads
from dohyo.reconcile import Reconciler, World
from dohyo.telemetry import Telemetry
from dohyo.workqueue import WorkQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import aiohttp

    from dohyo.cluster.store import Key, Store
    from dohyo.local.feed import LocalFeed
    from dohyo.local.gateway import Ports
    from dohyo.local.objects import LocalObjects
    from dohyo.local.processes import Household
    from dohyo.local.state import StateFolder

# Envoy and replicas are on the same machine as who decides: all hear of a change at once.
_PERIOD_SECONDS: Final = 0.5
_LOCAL_DEFAULTS: Final = {"DOHYO_DRAIN_SECONDS": "1", "DOHYO_EVIDENCE_SECONDS": "1"}
_WORKERS: Final = 4


@dataclass(frozen=True)
class Premises:
    """What the parts are made from.

    Attributes:
        state: the ring's folder.
        household: starts processes.
        objects, store: the live objects, and what is indexed of them.
        feed: of the gateway.
        ports: that everything listens on.
        session: for questions to processes.
        envoy: the program.
        environ: variables of the operator's configuration.
        on_replica: called when a replica's state has changed.
    """

    state: StateFolder
    household: Household
    objects: LocalObjects
    store: Store
    feed: LocalFeed
    ports: Ports
    session: aiohttp.ClientSession
    envoy: Path
    environ: Mapping[str, str]
    on_replica: Callable[[], None]


@dataclass(frozen=True)
class Parts:
    """What a ring is made of."""

    gateway: LocalGateway
    gateways: Gateways
    inquirer: Inquirer
    evidence: LocalEvidence
    reconciler: Reconciler
    queue: WorkQueue[Key]
    workloads: Workloads

    async def decide(self) -> None:
        """Reconciles, once the gateway was asked what it has."""
        await self.gateways.looked.wait()
        await self.queue.run(_WORKERS)

    async def inquire(self) -> None:
        """Asks about trials, once there is somebody to ask; before that, nothing is an error."""
        await self.evidence.answers()
        await self.inquirer.run(self.stir)

    def stir(self) -> None:
        """Asks for a pass over whom the last answers concern."""
        for key in self.reconciler.stirred():
            self.queue.add(key)


def assemble(on: Premises) -> Parts:
    """Makes the parts; none of them runs yet.

    Raises:
        VariableError: a variable says something that cannot be.
    """
    archive = Archive(on.state.evidence, on.state.logs / "evidence.log", on.ports.evidence)
    given = {"DOHYO_EVIDENCE_URL": archive.url, **_LOCAL_DEFAULTS}
    config = configuration([], {**given, **on.environ})
    settings = config.settings
    where = Whereabouts("", "", (f"{HOST}:{on.ports.agent}",), _PERIOD_SECONDS)
    gateways = Gateways(on.objects, where, Tally(settings.windows.kept_seconds), _clock)
    evidence = LocalEvidence(on.household, archive, lambda: on.objects.all(MODEL_DEPLOYMENT))
    sources = replace(config.sources, keys=config.sources.keys or evidence.keys)
    inquirer = Inquirer(sources, gateways.agents, _clock)
    reconciler = Reconciler(
        World(
            store=on.store,
            client=on.objects,
            applier=Applier(on.objects, on.store),
            gateways=gateways,
            recorder=Recorder(on.objects, "local", _now),
            telemetry=Telemetry(),
            settings=settings,
            now=_now,
            inquirer=inquirer,
        )
    )
    around = Surroundings(
        household=on.household,
        session=on.session,
        locate=partial(located, unpacked=on.state.unpacked),
        variables=evidence.variables,
        on_change=on.on_replica,
    )
    log_file = on.state.logs / "envoy.log"
    quarters = Quarters(
        on.envoy, on.state.envoy, log_file, settings.drain_seconds, evidence.gateway_variables()
    )
    return Parts(
        gateway=LocalGateway(on.household, quarters, on.ports, on.feed, on.session),
        gateways=gateways,
        inquirer=inquirer,
        evidence=evidence,
        reconciler=reconciler,
        queue=WorkQueue(reconciler, random.Random()),  # noqa: S311 - spreads retries
        workloads=Workloads(on.objects, around, on.state.logs),
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _clock() -> float:
    return _now().timestamp()
