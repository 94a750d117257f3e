"""Every gateway pod that takes traffic is asked, every two seconds, what it applied and counted."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from dohyo.cluster.errors import ApiError
from dohyo.cluster.kinds import ENDPOINT_SLICE
from dohyo.contract import AGENT_PORT, AGENT_REPORT_PATH, report_from_json
from dohyo.plan.observed import GatewayEpoch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dohyo.cluster.exchange import Json
    from dohyo.cluster.objects import Objects
    from dohyo.cluster.tally import Tally
    from dohyo.contract import GatewayReport

log = logging.getLogger(__name__)

_PERIOD_SECONDS = 2.0
_ANSWER_SECONDS = 1.5


@dataclass(frozen=True)
class Whereabouts:
    """Where gateway pods are found, and how often they are asked.

    Attributes:
        namespace, service: of the gateway; its EndpointSlices are read.
        addresses: ``host:port`` of agents, instead, for an operator outside the cluster.
        period_seconds: between two looks.
    """

    namespace: str
    service: str
    addresses: tuple[str, ...] = ()
    period_seconds: float = _PERIOD_SECONDS


class Gateways:
    """What is known of the gateway pods; `looked` is set after the first attempt to ask them.

    Args:
        now: seconds, on the clock that planning is given.
    """

    def __init__(
        self,
        client: Objects,
        whereabouts: Whereabouts,
        tally: Tally,
        now: Callable[[], float],
    ) -> None:
        self._client = client
        self._whereabouts = whereabouts
        self.tally = tally
        self._now = now
        self._pods: dict[str, str] | None = None
        self._silent: set[str] = set()
        self.looked = asyncio.Event()

    def epochs(self, deployment: str) -> tuple[GatewayEpoch, ...] | None:
        """What every ready pod has applied of the ModelDeployment ``namespace/name``.

        None while the pods could not be listed yet: nothing may be taken for acknowledged.
        """
        if self._pods is None:
            return None
        return tuple(GatewayEpoch(pod, self.tally.epoch(pod, deployment)) for pod in self._pods)

    def agents(self) -> tuple[str, ...]:
        """``host:port`` of the agent of every ready pod, as of the last look."""
        return tuple((self._pods or {}).values())

    async def run(self, on_look: Callable[[], None]) -> None:
        """Looks for ever.

        Args:
            on_look: called after every look.
        """
        async with aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        ) as session:
            while True:
                await self._look(session)
                self.looked.set()
                on_look()
                await asyncio.sleep(self._whereabouts.period_seconds)

    async def _look(self, session: aiohttp.ClientSession) -> None:
        pods = self._pods
        try:
            pods = await self._find()
        except ApiError as error:
            log.warning("the gateway's pods could not be listed: %s", error)
        if pods is None:
            return
        answers = await asyncio.gather(*(_ask(session, a) for a in pods.values()))
        reports = dict(zip(pods, answers, strict=True))
        self._note_silence({pod for pod, report in reports.items() if report is None})
        self.tally.add(reports, self._now())
        # Only now: a pod that was not asked yet would look like one that has applied nothing.
        self._pods = pods

    async def _find(self) -> dict[str, str]:
        """``host:port`` of the agent of each ready gateway pod, by the pod's name."""
        if self._whereabouts.addresses:
            return {address: address for address in self._whereabouts.addresses}
        labels = f"kubernetes.io/service-name={self._whereabouts.service}"
        pages = self._client.list_pages(ENDPOINT_SLICE, self._whereabouts.namespace, labels)
        return ready_pods([piece async for page in pages for piece in page])

    def _note_silence(self, silent: set[str]) -> None:
        for pod in silent - self._silent:
            log.warning("gateway pod %s does not answer on port %d", pod, AGENT_PORT)
        for pod in self._silent - silent:
            log.info("gateway pod %s answers again, or is gone", pod)
        self._silent = silent


def ready_pods(slices: Iterable[Json]) -> dict[str, str]:
    """``host:port`` of the agent by pod, for all endpoints that take new requests."""
    found: dict[str, str] = {}
    for piece in slices:
        for endpoint in piece.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready") is False:
                continue
            for address in (endpoint.get("addresses") or ())[:1]:
                pod = (endpoint.get("targetRef") or {}).get("name") or address
                host = f"[{address}]" if ":" in address else address
                found[pod] = f"{host}:{AGENT_PORT}"
    return found


async def _ask(session: aiohttp.ClientSession, address: str) -> GatewayReport | None:
    try:
        async with session.get(f"http://{address}{AGENT_REPORT_PATH}") as response:
            if response.status != 200:
                return None
            return report_from_json(json.loads(await response.read()))
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, TypeError):
        return None
