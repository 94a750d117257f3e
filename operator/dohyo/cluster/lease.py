"""One operator leads: whoever holds the Lease and keeps renewing it.

The library's own election was tried and left: it never gives a Lease up, so that every update
would wait for its end, its requests have no time limit, so that a hanging API server hides a lost
Lease, and it has nothing for a fence to look at.
"""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dohyo.cluster.errors import ApiError, LeadershipLost
from dohyo.cluster.exchange import Request, exchange
from dohyo.cluster.fence import boot_clock
from dohyo.cluster.kinds import LEASE

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubernetes.aio.client import ApiClient

    from dohyo.cluster.fence import Fence

log = logging.getLogger(__name__)

_REQUEST_SECONDS = 4.0


@dataclass(frozen=True)
class Tenure:
    """How a Lease is held.

    Attributes:
        namespace, name: of the Lease.
        identity: of this process; never that of another one, alive or dead.
        duration_seconds: others take over when it was not renewed for this long.
        renew_seconds: the holder stops writing when it could not renew for this long.
        retry_seconds: between two tries.
    """

    namespace: str
    name: str
    identity: str
    duration_seconds: float = 15.0
    renew_seconds: float = 10.0
    retry_seconds: float = 2.0


class Candidate:
    """This process in the election."""

    def __init__(
        self,
        api: ApiClient,
        tenure: Tenure,
        fence: Fence,
        clock: Callable[[], float] = boot_clock,
    ) -> None:
        self._api = api
        self._tenure = tenure
        self._fence = fence
        self._clock = clock
        self._seen: tuple[str, str, str] | None = None
        self._seen_at = 0.0
        self._held: dict[str, Any] | None = None
        self._complained = ""
        self.last_answer_at: float | None = None

    async def win(self) -> None:
        """Waits until this process leads."""
        while True:
            wait = self._tenure.retry_seconds
            try:
                wait = await self._try()
            except ApiError as error:
                self._complain(error)
            if self._held is not None:
                return
            await asyncio.sleep(wait * random.uniform(0.8, 1.0))  # noqa: S311 - spreads load

    async def hold(self) -> None:
        """Renews until it fails.

        Raises:
            LeadershipLost: somebody else holds the Lease, or the API server did not answer in time.
        """
        why = "the API server did not answer"
        while self._fence.is_open:
            await asyncio.sleep(self._tenure.retry_seconds)
            try:
                await self._renew()
            except ApiError as error:
                why = str(error)
                if error.conflict:
                    await self._look_again()
        self._held = None
        raise LeadershipLost(
            f"Lease {self._tenure.namespace}/{self._tenure.name} could not be renewed for "
            f"{self._tenure.renew_seconds:g} s: {why}"
        )

    async def resign(self) -> None:
        """Gives the Lease up, so that another operator leads at once."""
        self._fence.shut()
        if self._held is None:
            return
        held, self._held = self._held, None
        spec = held["spec"] | {"holderIdentity": "", "leaseDurationSeconds": 1}
        try:
            await self._put(held | {"spec": spec})
        except ApiError as error:
            log.warning("the Lease could not be given up, it runs out by itself: %s", error)

    async def _try(self) -> float:
        """One attempt to take the Lease; seconds until the next one is worth while."""
        started = self._clock()
        try:
            lease = await self._get()
        except ApiError as error:
            if not error.absent:
                raise
            lease = await self._create()
            self._take(lease, started)
            return 0.0
        self.last_answer_at = self._clock()
        self._complained = ""
        expires = self._expiry(lease)
        if expires > self._clock():
            return min(self._tenure.retry_seconds, expires - self._clock() + 0.05)
        spec = lease.get("spec") or {}
        transitions = int(spec.get("leaseTransitions") or 0) + 1
        try:
            self._take(await self._put(lease | {"spec": self._spec(transitions)}), started)
        except ApiError as error:
            if not error.conflict:
                raise
        return self._tenure.retry_seconds

    def _expiry(self, lease: dict[str, Any]) -> float:
        """When the Lease may be taken, on our clock: other machines' clocks are not believed."""
        spec = lease.get("spec") or {}
        holder = spec.get("holderIdentity") or ""
        if not holder:
            return float("-inf")
        seen = (holder, spec.get("renewTime") or "", lease["metadata"]["resourceVersion"])
        if seen != self._seen:
            if self._seen is None or self._seen[0] != holder:
                log.info("%s leads; waiting", holder)
            self._seen, self._seen_at = seen, self._clock()
        duration = float(spec.get("leaseDurationSeconds") or self._tenure.duration_seconds)
        return self._seen_at + duration

    async def _renew(self) -> None:
        assert self._held is not None
        started = self._clock()
        spec = self._held["spec"] | {"renewTime": _micro_time()}
        self._take(await self._put(self._held | {"spec": spec}), started)

    async def _look_again(self) -> None:
        """After a conflict: take the Lease's present version if it still is ours."""
        lease = await self._get()
        holder = (lease.get("spec") or {}).get("holderIdentity")
        if holder != self._tenure.identity:
            self._fence.shut()
            self._held = None
            raise LeadershipLost(f"{holder or 'nobody'} holds the Lease now")
        self._held = lease

    def _take(self, lease: dict[str, Any], started: float) -> None:
        self._held = lease
        self.last_answer_at = self._clock()
        # Others count from when they saw this renewal, which is later than when it began.
        self._fence.open_until(started + self._tenure.renew_seconds)

    def _spec(self, transitions: int) -> dict[str, Any]:
        now = _micro_time()
        return {
            "holderIdentity": self._tenure.identity,
            "leaseDurationSeconds": int(self._tenure.duration_seconds),
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": transitions,
        }

    def _complain(self, error: ApiError) -> None:
        """Says once what keeps the Lease away, until that changes."""
        if str(error) != self._complained:
            self._complained = str(error)
            log.warning("the Lease cannot be had: %s", error)

    async def _get(self) -> dict[str, Any]:
        return await self._send("GET", LEASE.path(self._tenure.namespace, self._tenure.name), None)

    async def _put(self, lease: dict[str, Any]) -> dict[str, Any]:
        path = LEASE.path(self._tenure.namespace, self._tenure.name)
        return await self._send("PUT", path, lease)

    async def _create(self) -> dict[str, Any]:
        lease = {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.name,
            "metadata": {"name": self._tenure.name, "namespace": self._tenure.namespace},
            "spec": self._spec(0),
        }
        return await self._send("POST", LEASE.path(self._tenure.namespace), lease)

    async def _send(self, method: str, path: str, body: Any) -> dict[str, Any]:
        return await exchange(self._api, Request(method, path, body, seconds=_REQUEST_SECONDS))


def _micro_time() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
