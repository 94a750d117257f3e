"""The installation's master keys → one Secret in every namespace that has ModelDeployments.

All ModelDeployments of a namespace share the Secret and own it together: Kubernetes takes it away
with the last of them. What it holds is derived, so that the same Secret comes back with the next.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from dohyo.cluster.errors import ApiError, Stale
from dohyo.cluster.kinds import SECRET
from dohyo.contract import API_VERSION, KEYS_SECRET, KIND, LABEL_MANAGED_BY, MANAGED_BY
from dohyo.contract.keys import KeyRing, Keys, KeysError, key_files
from dohyo.plan.applied import Failure
from dohyo.plan.observed import ChildKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from dohyo.cluster.exchange import Json
    from dohyo.cluster.objects import Objects

log = logging.getLogger(__name__)

KEY: Final = ChildKey("Secret", KEYS_SECRET)
# Nobody tells when somebody edits it, as no Secret is ever watched.
_LOOK_AGAIN_SECONDS: Final = 300.0
_LOOK_AGAIN_AT_A_FOREIGN_ONE: Final = 30.0
# No object has it: such an apply creates or is refused.
_NO_VERSION: Final = "1"


class Owner(NamedTuple):
    """One ModelDeployment."""

    name: str
    uid: str


@dataclass(frozen=True)
class Ensured:
    """What became of the Secret.

    Attributes:
        foreign: whether somebody else's bears its name; it was left alone.
        failure: why it could not be written; None when it is as it should be.
    """

    foreign: bool = False
    failure: Failure | None = None


@dataclass(frozen=True)
class _State:
    """What was last found in a namespace, when, and for which keys and owners."""

    keys: Keys
    owners: frozenset[Owner]
    at: float
    ensured: Ensured


class NamespaceKeys:
    """Keeps the Secrets as the master says.

    Args:
        client: reads and writes them.
        folder: of the master's keys; None where the installation has none.
        clock: seconds that only grow.
    """

    def __init__(self, client: Objects, folder: Path | None, clock: Callable[[], float]) -> None:
        self._client = client
        self._folder = folder
        self._clock = clock
        self._ring: KeyRing | None = None
        self._said: str | None = None
        self._states: dict[str, _State] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def ensure(self, namespace: str, owners: Iterable[Owner]) -> Ensured:
        """Brings the Secret of a namespace about.

        Raises:
            Stale: it changed meanwhile; look again.
            ApiError: the API server is away, or the namespace is about to be.
            LeadershipLost: another operator may lead.
        """
        if self._folder is None:
            return Ensured()
        wanted = frozenset(owners)
        try:
            master = self._master(self._folder)
        except KeysError as error:
            return Ensured(failure=Failure(KEY, f"the master's {error}"))
        # Many ModelDeployments of one namespace are worked on at the same time.
        async with self._locks.setdefault(namespace, asyncio.Lock()):
            known = self._states.get(namespace)
            if known is not None and self._is_fresh(known, master, wanted):
                return known.ensured
            try:
                ensured = await self._bring_about(_manifest(namespace, master, wanted))
            except ApiError as error:
                if error.passing or error.ending:
                    raise
                # Not remembered: the next pass tries again.
                return Ensured(failure=Failure(KEY, error.message or str(error)))
            self._states[namespace] = _State(master, wanted, self._clock(), ensured)
            return ensured

    def outdated(self, namespace: str) -> bool:
        """Whether the master has other keys than the namespace got."""
        known = self._states.get(namespace)
        if self._folder is None or known is None:
            return False
        try:
            return self._master(self._folder) != known.keys
        except KeysError:
            return False

    def _master(self, folder: Path) -> Keys:
        """The master's keys as they are now; they change all at once (see `KeyRing`).

        Raises:
            KeysError: there have never been any.
        """
        if self._ring is None:
            try:
                self._ring = KeyRing(folder)
            except KeysError as error:
                self._say(str(error))
                raise
        keys = self._ring.keys()
        self._say(self._ring.problem)
        return keys

    def _say(self, problem: str | None) -> None:
        if problem is not None and problem != self._said:
            log.error("master keys: %s", problem)
        self._said = problem

    def _is_fresh(self, known: _State, master: Keys, owners: frozenset[Owner]) -> bool:
        patience = _LOOK_AGAIN_AT_A_FOREIGN_ONE if known.ensured.foreign else _LOOK_AGAIN_SECONDS
        return (known.keys, known.owners) == (
            master,
            owners,
        ) and self._clock() - known.at < patience

    async def _bring_about(self, desired: Json) -> Ensured:
        namespace = desired["metadata"]["namespace"]
        try:
            live = await self._client.get(SECRET, namespace, KEYS_SECRET)
        except ApiError as error:
            if not error.absent:
                raise
            await self._apply(desired, {"resourceVersion": _NO_VERSION})
            log.info("Secret %s made", KEYS_SECRET, extra={"key": namespace})
            return Ensured()
        metadata = live["metadata"]
        if (metadata.get("labels") or {}).get(LABEL_MANAGED_BY) != MANAGED_BY:
            return Ensured(foreign=True)
        if not _is_as_desired(live, desired):
            seen = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
            await self._apply(desired, seen)
            log.info("Secret %s brought up to date", KEYS_SECRET, extra={"key": namespace})
        return Ensured()

    async def _apply(self, desired: Json, seen: Json) -> None:
        try:
            await self._client.apply({**desired, "metadata": {**desired["metadata"], **seen}})
        except ApiError as error:
            if error.conflict or error.absent:
                raise Stale(f"Secret {KEYS_SECRET} changed meanwhile") from error
            raise


def _manifest(namespace: str, master: Keys, owners: Iterable[Owner]) -> Json:
    files = key_files(master.for_namespace(namespace))
    return {
        "apiVersion": "v1",
        "kind": SECRET.name,
        "type": "Opaque",
        "metadata": {
            "name": KEYS_SECRET,
            "namespace": namespace,
            "labels": {LABEL_MANAGED_BY: MANAGED_BY},
            "ownerReferences": [
                {"apiVersion": API_VERSION, "kind": KIND, "name": owner.name, "uid": owner.uid}
                for owner in sorted(owners)
            ],
        },
        "data": {name: base64.b64encode(text.encode()).decode() for name, text in files.items()},
    }


def _is_as_desired(live: Json, desired: Json) -> bool:
    return bool(live.get("data") == desired["data"]) and _owners(live) == _owners(desired)


def _owners(manifest: Json) -> set[Any]:
    return {reference["uid"] for reference in manifest["metadata"].get("ownerReferences") or ()}
