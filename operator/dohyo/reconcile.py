"""The one way of a resource: look, plan, apply, report, prune, tell.

Every trigger leads here, and a pass that was cut short anywhere is made good by the next one: each
starts from what the cluster has, and from nothing that a former pass remembered.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dohyo.api.resource import parse, with_spec
from dohyo.api.violations import InvalidResource
from dohyo.cluster.errors import ApiError, Incomplete, LeadershipLost, Stale
from dohyo.cluster.kinds import MODEL_DEPLOYMENT
from dohyo.cluster.namespace_keys import KEY as KEYS
from dohyo.cluster.namespace_keys import Ensured, Owner
from dohyo.cluster.observe import observe
from dohyo.cluster.prune import prune
from dohyo.cluster.report import report
from dohyo.cluster.store import Key
from dohyo.contract import KIND
from dohyo.plan.child_names import child_name
from dohyo.plan.desired import plan, sized
from dohyo.plan.observed import ChildKey
from dohyo.status.derive import derive, invalid
from dohyo.status.events import events
from dohyo.status.pods import next_look as slow_start
from dohyo.verdict.evidence import UNASKED
from dohyo.verdict.inquiry import inquiry
from dohyo.verdict.orders import annotation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from dohyo.api.modeldeployment import ModelDeploymentSpec
    from dohyo.api.resource import ModelDeployment
    from dohyo.batch_reconcile import BatchReconciler
    from dohyo.cluster.apply import Applier
    from dohyo.cluster.evidence import Inquirer
    from dohyo.cluster.exchange import Json
    from dohyo.cluster.gateways import Gateways
    from dohyo.cluster.namespace_keys import NamespaceKeys
    from dohyo.cluster.objects import Objects
    from dohyo.cluster.recorder import Recorder
    from dohyo.cluster.store import Store
    from dohyo.plan.applied import Applied
    from dohyo.plan.desired import Plan
    from dohyo.plan.observed import GatewayEpoch, Observed
    from dohyo.plan.settings import Settings
    from dohyo.telemetry import Telemetry
    from dohyo.verdict.evidence import Evidence

log = logging.getLogger(__name__)

# When nothing tells of a change: a name that is taken may become free, a refused child welcome.
_LOOK_AGAIN_SECONDS = 30.0


@dataclass(frozen=True)
class World:
    """What a reconcile works with.

    Attributes:
        store: live objects.
        client: writes.
        applier: writes children.
        gateways: epochs and load.
        recorder: writes events.
        telemetry: the operator's metrics.
        settings: of the installation.
        now: the present, with a time zone.
        inquirer: knows what is known of trials; None where nobody can be asked.
        keys: the Secret of every namespace; None where there are no namespaces.
    """

    store: Store
    client: Objects
    applier: Applier
    gateways: Gateways
    recorder: Recorder
    telemetry: Telemetry
    settings: Settings
    now: Callable[[], datetime]
    inquirer: Inquirer | None = None
    keys: NamespaceKeys | None = None

    def evidence(self, key: Key) -> Evidence:
        return self.inquirer.known(str(key)) if self.inquirer is not None else UNASKED


@dataclass(frozen=True)
class _Outcome:
    """What a pass has brought about."""

    status: dict[str, Any]
    applied: Applied | None = None
    plan: Plan | None = None
    md: ModelDeployment | None = None


@dataclass(frozen=True)
class _Seen:
    """What the last pass over a ModelDeployment was given."""

    uid: str
    epochs: tuple[GatewayEpoch, ...] | None
    evidence: Evidence


class Reconciler:
    """Reconciles what its key names, one pass each time it is called.

    Args:
        world: what it works with.
        batches: the passes over BatchPredictions; None where there are none.
    """

    def __init__(self, world: World, batches: BatchReconciler | None = None) -> None:
        self._world = world
        self._batches = batches
        self._seen: dict[Key, _Seen] = {}
        # The spec of a ModelDeployment's UID and generation.
        self._specs: dict[Key, tuple[tuple[str, int], ModelDeploymentSpec]] = {}

    async def __call__(self, key: Key) -> float | None:
        """One pass; seconds until the next one is due without any event, or None.

        Raises:
            Exception: the pass is to be made again later; it has been logged and counted.
        """
        telemetry = self._world.telemetry
        with telemetry.reconcile_seconds.time():
            try:
                if key.kind == KIND:
                    return await self._pass(key)
                return await self._batches(key) if self._batches is not None else None
            except Stale as change:
                log.debug("again: %s", change, extra={"key": str(key)})
                raise
            except Incomplete as error:
                telemetry.reconcile_errors.labels("Refused").inc()
                log.warning("incomplete: %s", error, extra={"key": str(key)})
                raise
            except ApiError as error:
                if error.ending:
                    return None
                telemetry.reconcile_errors.labels(error.reason).inc()
                log.warning("put off: %s", error, extra={"key": str(key)})
                raise
            except LeadershipLost:
                raise  # said once, by who held the Lease
            except Exception as error:
                telemetry.reconcile_errors.labels(type(error).__name__).inc()
                log.exception("put off", extra={"key": str(key)})
                raise

    def stirred(self) -> Iterator[Key]:
        """ModelDeployments that the gateways' last answers, or new keys, may concern."""
        gateways = self._world.gateways
        for raw in self._world.store.deployments():
            key = _key_of(raw)
            seen = self._seen.get(key)
            moved = seen is not None and (
                seen.epochs != gateways.epochs(str(key))
                or seen.evidence is not self._world.evidence(key)
            )
            moved = moved or self._has_new_keys(key)
            if moved or (gateways.tally.is_active(str(key)) and self._wants_other_size(raw, key)):
                yield key

    async def _pass(self, key: Key) -> float | None:
        world = self._world
        raw = world.store.deployment(key)
        if raw is None:
            self._forget(key)
            return None
        if "deletionTimestamp" in raw["metadata"]:
            return None  # children go with their owner, routes by the agents' own watch
        uid = raw["metadata"]["uid"]
        observed = observe(world.store, world.gateways, key, uid, world.evidence(key))
        self._seen[key] = _Seen(uid, observed.gateways, observed.evidence)
        outcome = await self._carry_out(raw, observed)
        reported = await self._report(raw, outcome.status)
        if reported:
            await world.recorder.record(raw, events(raw.get("status") or {}, outcome.status))
        if outcome.plan is None or outcome.applied is None or outcome.md is None:
            return None
        if world.inquirer is not None:
            asked = inquiry(outcome.md, outcome.plan.ruling.rollouts, outcome.plan.routing)
            world.inquirer.inquire(str(key), asked)
        if not reported and await self._orders_taken(raw):
            return 0.0
        if outcome.applied.failures:
            raise Incomplete(outcome.applied.failures[0].message)
        pruned = await prune(world.client, world.store, key, uid, outcome.plan.keys)
        if reported or pruned or outcome.applied.changed:
            return 0.0  # until a pass finds nothing to do
        return _next_look(outcome.plan, outcome.applied, slow_start(observed.pods, world.now()))

    async def _carry_out(self, raw: Json, observed: Observed) -> _Outcome:
        """Brings about what the resource asks for; nothing of one that cannot be understood."""
        world, now = self._world, self._world.now()
        try:
            md = self._parsed(raw)
        except InvalidResource as error:
            return _Outcome(invalid(raw, error.violations, now))
        planned = plan(md, observed, world.settings, now)
        # First, so that no pod starts without its keys.
        ensured = await self._with_keys(raw)
        applied = await world.applier.apply(md.metadata.uid, planned.manifests)
        if ensured.foreign:
            applied = replace(applied, conflicts=applied.conflicts | {KEYS})
        if ensured.failure is not None:
            applied = replace(applied, failures=(*applied.failures, ensured.failure))
        if applied.changed:
            # What was just written is part of what the status tells.
            key = _key_of(raw)
            after = observe(world.store, world.gateways, key, md.metadata.uid)
            observed = replace(after, evidence=observed.evidence)
        return _Outcome(derive(md, planned, observed, applied, now), applied, planned, md)

    async def _with_keys(self, raw: Json) -> Ensured:
        """Brings about the keys of its namespace, which belong to all that are to stay there."""
        if self._world.keys is None:
            return Ensured()
        namespace = raw["metadata"]["namespace"]
        others = (other["metadata"] for other in self._world.store.deployments())
        owners = [
            Owner(other["name"], other["uid"])
            for other in others
            if other["namespace"] == namespace and "deletionTimestamp" not in other
        ]
        return await self._world.keys.ensure(namespace, owners)

    def _has_new_keys(self, key: Key) -> bool:
        keys = self._world.keys
        return keys is not None and keys.outdated(key.namespace)

    async def _report(self, raw: Json, status: dict[str, Any]) -> bool:
        """Stores the status if it says anything new; whether it did.

        Raises:
            Stale: the resource has changed since it was read.
        """
        return await report(self._world.client, self._world.store, MODEL_DEPLOYMENT, raw, status)

    async def _orders_taken(self, raw: Json) -> bool:
        """Removes annotations whose orders the stored status says were taken; whether it did.

        Raises:
            Stale: somebody has changed the resource since it was read.
        """
        metadata, annotations = raw["metadata"], raw["metadata"].get("annotations") or {}
        taken = {
            annotation(order["action"]): None
            for order in (raw.get("status") or {}).get("orders", ())
            if annotation(order["action"]) in annotations and not order.get("settled")
        }
        if not taken:
            return False
        patch = {"metadata": {"annotations": taken, "resourceVersion": metadata["resourceVersion"]}}
        world = self._world
        try:
            stored = await world.client.merge(
                MODEL_DEPLOYMENT, metadata["namespace"], metadata["name"], patch
            )
        except ApiError as error:
            if error.conflict or error.absent:
                raise Stale(f"{metadata['name']} changed meanwhile") from error
            raise
        world.store.put(MODEL_DEPLOYMENT, stored)
        return True

    def _wants_other_size(self, raw: Json, key: Key) -> bool:
        world = self._world
        try:
            md = self._parsed(raw)
        except InvalidResource:
            return False
        uid = md.metadata.uid
        observed = observe(world.store, world.gateways, key, uid, world.evidence(key))
        sizes = sized(md, observed, world.settings, world.now())
        return any(
            present is not None and present != size.replicas
            for name, size in sizes.items()
            for present in (_replicas(observed, child_name(md.metadata.name, name)),)
        )

    def _parsed(self, raw: Json) -> ModelDeployment:
        """The typed resource; the spec of a generation is parsed and checked once."""
        state = (raw["metadata"]["uid"], raw["metadata"]["generation"])
        known, spec = self._specs.get(_key_of(raw), (None, None))
        if spec is not None and known == state:
            return with_spec(raw, spec)
        md = parse(raw, allow_host_access=self._world.settings.allow_host_access)
        self._specs[_key_of(raw)] = (state, md.spec)
        return md

    def _forget(self, key: Key) -> None:
        seen = self._seen.pop(key, None)
        if seen is not None:
            self._world.applier.forget(seen.uid)
        self._specs.pop(key, None)
        if self._world.inquirer is not None:
            self._world.inquirer.forget(str(key))
        self._world.gateways.tally.forget(str(key))


def _key_of(raw: Json) -> Key:
    return Key(raw["metadata"]["namespace"], raw["metadata"]["name"])


def _replicas(observed: Observed, child: str) -> int | None:
    deployment = observed.children.get(ChildKey("Deployment", child))
    return int(deployment["spec"].get("replicas", 1)) if deployment is not None else None


def _next_look(planned: Plan, applied: Applied, slow_start_in: float | None) -> float | None:
    """Seconds until time alone, or somebody who tells nobody, may have changed something."""
    stranger = _LOOK_AGAIN_SECONDS if applied.conflicts else None
    waits = (planned.requeue_after, stranger, slow_start_in)
    return min((wait for wait in waits if wait is not None), default=None)
