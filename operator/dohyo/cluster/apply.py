"""A plan's manifests → live objects, each written only when it differs.

An object differs when the hash of the manifest it was last applied from is another one, or when
something the manifest names is no longer there. What is written names the version that was seen,
so that nobody's later change is overwritten unseen.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from dohyo.cluster.errors import ApiError, Stale
from dohyo.cluster.kinds import BATCH_CHILDREN, CHILDREN, kind_named
from dohyo.cluster.likeness import contains
from dohyo.cluster.store import controller_uid
from dohyo.cluster.strangers import without_strangers
from dohyo.contract import ANNOTATION_APPLIED
from dohyo.plan.applied import Applied, Failure
from dohyo.plan.observed import ChildKey, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dohyo.cluster.objects import Objects
    from dohyo.cluster.store import Store

Json = dict[str, Any]
log = logging.getLogger(__name__)

# No object has it: an apply that names it creates the object or is refused as a conflict, and
# never touches one that exists.
_NO_VERSION: Final = "1"
_SETTLED: Final = 8192
_ORDER: Final = {kind.name: rank for rank, kind in enumerate((*CHILDREN, *BATCH_CHILDREN))}


class Applier:
    """Writes manifests of our resources, and remembers what the API server will not take."""

    def __init__(self, client: Objects, store: Store) -> None:
        self._client = client
        self._store = store
        self._settled: OrderedDict[str, str] = OrderedDict()
        self._foreign: set[tuple[str, ChildKey]] = set()

    async def apply(self, owner_uid: str, manifests: Iterable[Mapping[str, Any]]) -> Applied:
        """Brings every manifest about, as far as it can be.

        A manifest that is refused does not keep the others from being written.

        Raises:
            Stale: an object changed since it was seen; the store has its present state now.
            ApiError: the API server is away, or the namespace is about to be.
            LeadershipLost: another operator may lead.
        """
        conflicts: set[ChildKey] = set()
        failures: list[Failure] = []
        changed, stale = 0, ""
        for manifest in sorted(manifests, key=lambda m: _ORDER[m["kind"]]):
            key = key_of(manifest)
            try:
                changed += await self._bring_about(owner_uid, key, stamped(manifest))
            except _ForeignObject:
                conflicts.add(key)
            except Stale as change:
                stale = str(change)
            except ApiError as error:
                if error.passing or error.ending:
                    raise
                failures.append(Failure(key, error.message or str(error)))
        if stale:
            raise Stale(stale)
        return Applied(frozenset(conflicts), tuple(failures), changed)

    def forget(self, owner_uid: str) -> None:
        """Drops what is remembered of a resource that is gone."""
        self._foreign = {entry for entry in self._foreign if entry[0] != owner_uid}

    async def _bring_about(self, owner_uid: str, key: ChildKey, desired: Json) -> bool:
        """Whether something was written."""
        live = self._store.children(owner_uid).get(key)
        if live is None and (owner_uid, key) in self._foreign:
            live = await self._look(owner_uid, key, desired)
        if live is None:
            return await self._create(owner_uid, key, desired)
        if "deletionTimestamp" in live["metadata"] or self._is_as_desired(live, desired):
            return False
        metadata = live["metadata"]
        seen = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        try:
            result = await self._client.apply(_with_metadata(desired, seen))
        except ApiError as error:
            if error.invalid:
                await self._clear(live, desired, error)
            elif not error.conflict and not error.absent:
                raise
            await self._look(owner_uid, key, desired)
            raise Stale(f"{key.kind} {key.name} changed meanwhile") from error
        self._accept(result, desired, metadata["resourceVersion"])
        return True

    async def _create(self, owner_uid: str, key: ChildKey, desired: Json) -> bool:
        try:
            result = await self._client.apply(
                _with_metadata(desired, {"resourceVersion": _NO_VERSION})
            )
        except ApiError as error:
            if not error.conflict:
                raise
            await self._look(owner_uid, key, desired)
            raise Stale(f"{key.kind} {key.name} was there already") from error
        self._accept(result, desired, None)
        return True

    async def _clear(self, live: Json, desired: Json, refusal: ApiError) -> None:
        """Takes out what others added, so that the next apply may be accepted.

        Raises:
            ApiError: there is nothing to take out, so the manifest itself is refused.
        """
        patch = without_strangers(live, desired)
        if not patch:
            raise refusal
        metadata = live["metadata"]
        seen = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        kind, namespace = kind_named(desired["kind"]), metadata["namespace"]
        log.warning(
            "%s %s/%s: what somebody added is taken out: %s",
            *(desired["kind"], namespace, metadata["name"], refusal.message),
        )
        await self._client.merge(kind, namespace, metadata["name"], patch | {"metadata": seen})

    async def _look(self, owner_uid: str, key: ChildKey, desired: Json) -> Json | None:
        """The object as it is now, into the store; None when there is none.

        Raises:
            _ForeignObject: it is not controlled by this resource.
        """
        kind = kind_named(key.kind)
        try:
            live = await self._client.get(kind, desired["metadata"]["namespace"], key.name)
        except ApiError as error:
            if not error.absent:
                raise
            known = self._store.children(owner_uid).get(key)
            if known is not None:
                self._store.remove(kind, known)
            self._foreign.discard((owner_uid, key))
            return None
        if controller_uid(live) != owner_uid:
            self._foreign.add((owner_uid, key))
            raise _ForeignObject
        self._foreign.discard((owner_uid, key))
        self._store.put(kind, live)
        return self._store.children(owner_uid).get(key)

    def _is_as_desired(self, live: Json, desired: Json) -> bool:
        annotations = live["metadata"].get("annotations") or {}
        applied = desired["metadata"]["annotations"][ANNOTATION_APPLIED]
        if annotations.get(ANNOTATION_APPLIED) == applied and contains(live, desired):
            return True
        return self._settled.get(live["metadata"]["uid"]) == _print(live, applied)

    def _accept(self, result: Json, desired: Json, version: str | None) -> None:
        """Takes the answer to an apply in; notes what another apply would not change either."""
        kind, metadata = kind_named(desired["kind"]), result["metadata"]
        result.setdefault("apiVersion", desired["apiVersion"])
        result.setdefault("kind", desired["kind"])
        self._store.put(kind, result)
        if metadata["resourceVersion"] == version or not contains(result, desired):
            applied = desired["metadata"]["annotations"][ANNOTATION_APPLIED]
            self._settled[metadata["uid"]] = _print(result, applied)
            if len(self._settled) > _SETTLED:
                self._settled.popitem(last=False)
            log.warning(
                "%s %s/%s stays different from its manifest: somebody or a webhook changes it",
                desired["kind"],
                metadata["namespace"],
                metadata["name"],
            )


class _ForeignObject(Exception):  # noqa: N818 - caught within this module
    """The name is taken by an object of somebody else."""


def stamped(manifest: Mapping[str, Any]) -> Json:
    """The manifest with the annotation that says which manifest an object was applied from."""
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    annotations = dict(manifest["metadata"].get("annotations") or {})
    return _with_metadata(manifest, {"annotations": annotations | {ANNOTATION_APPLIED: digest}})


def _with_metadata(manifest: Mapping[str, Any], more: Json) -> Json:
    return {**manifest, "metadata": {**manifest["metadata"], **more}}


def _print(live: Json, applied: str) -> str:
    """What identifies a state of the object as far as an apply could change it."""
    metadata = {
        k: v
        for k, v in live["metadata"].items()
        if k in ("labels", "annotations", "ownerReferences", "finalizers")
    }
    state = [applied, metadata, live.get("spec")]
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
