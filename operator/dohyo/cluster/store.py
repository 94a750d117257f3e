"""The live objects that were last seen, found by what a reconcile asks for."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from dohyo.cluster.kinds import BATCH_PREDICTION, CRON_JOB, MODEL_DEPLOYMENT, POD
from dohyo.cluster.trimming import trimmed
from dohyo.contract import BATCH_KIND, KIND, LABEL_BATCH, LABEL_DEPLOYMENT
from dohyo.plan.observed import ChildKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dohyo.cluster.kinds import Kind

Json = dict[str, Any]
_REMEMBERED_DELETIONS = 4096
# A CronJob is ours by its own controller; so are the Jobs that it makes.
_CONTROLLERS = frozenset({KIND, BATCH_KIND, CRON_JOB.name})


class Key(NamedTuple):
    """Names a ModelDeployment, or another resource of ours."""

    namespace: str
    name: str
    kind: str = KIND

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Store:
    """A cache that watches and the operator's own writes feed.

    An older version of an object never replaces a newer one, and a deleted object does not come
    back by an answer from before, in whatever order answers and watch events arrive.
    """

    def __init__(self) -> None:
        self._by_kind: dict[Kind, dict[str, Json]] = {}
        self._deployments: dict[Key, Json] = {}
        self._batches: dict[Key, Json] = {}
        self._children: dict[str, dict[ChildKey, Json]] = {}
        self._pods: dict[Key, dict[str, Json]] = {}
        self._deleted: OrderedDict[str, str] = OrderedDict()

    def put(self, kind: Kind, raw: Mapping[str, Any]) -> bool:
        """Takes an object in; whether more than its resourceVersion changed.

        Parts that are not kept (`dohyo.cluster.trimming`) change nothing.
        """
        uid = raw["metadata"]["uid"]
        objects = self._by_kind.setdefault(kind, {})
        known = objects.get(uid)
        version = raw["metadata"]["resourceVersion"]
        if older(version, self._deleted.get(uid, "")) or (known and not _newer(raw, known)):
            return False
        # One that only had lost its label and was thus out of sight is back.
        self._deleted.pop(uid, None)
        if known is not None:
            self._unlink(kind, known)
        slim = trimmed(kind, raw)
        objects[uid] = slim
        self._link(kind, slim)
        return known is None or not _alike(slim, known)

    def remove(self, kind: Kind, gone: Mapping[str, Any]) -> Json | None:
        """Forgets an object that is gone, as it was last told of; what was known of it."""
        metadata = gone["metadata"]
        self._deleted[metadata["uid"]] = metadata["resourceVersion"]
        if len(self._deleted) > _REMEMBERED_DELETIONS:
            self._deleted.popitem(last=False)
        known = self._by_kind.get(kind, {}).pop(metadata["uid"], None)
        if known is not None:
            self._unlink(kind, known)
        return known

    def deployment(self, key: Key) -> Json | None:
        """The ModelDeployment, or None when there is none."""
        return self._deployments.get(key)

    def deployments(self) -> Iterator[Json]:
        return iter(self._deployments.values())

    def batch(self, key: Key) -> Json | None:
        """The BatchPrediction, or None when there is none."""
        return self._batches.get(key)

    def batches(self) -> Iterator[Json]:
        return iter(self._batches.values())

    def children(self, uid: str) -> dict[ChildKey, Json]:
        """Live objects that the resource (or the CronJob) of that UID controls."""
        return dict(self._children.get(uid, {}))

    def pods(self, key: Key) -> tuple[Json, ...]:
        """Pods that bear the resource's label, by name."""
        pods = self._pods.get(key, {}).values()
        return tuple(sorted(pods, key=lambda pod: str(pod["metadata"]["name"])))

    def get(self, kind: Kind, uid: str) -> Json | None:
        return self._by_kind.get(kind, {}).get(uid)

    def versions(self, kind: Kind) -> dict[str, str]:
        """UID → resourceVersion of everything that is known of a kind."""
        known = self._by_kind.get(kind, {})
        return {uid: o["metadata"]["resourceVersion"] for uid, o in known.items()}

    def seen(self, kind: Kind, uid: str) -> bool:
        """Whether the object is known, or known to be gone."""
        return uid in self._by_kind.get(kind, {}) or uid in self._deleted

    def _link(self, kind: Kind, slim: Json) -> None:
        metadata = slim["metadata"]
        if kind is MODEL_DEPLOYMENT:
            self._deployments[Key(metadata["namespace"], metadata["name"])] = slim
        elif kind is BATCH_PREDICTION:
            self._batches[Key(metadata["namespace"], metadata["name"], BATCH_KIND)] = slim
        elif kind is POD:
            if (key := owner_key(slim)) is not None:
                self._pods.setdefault(key, {})[metadata["uid"]] = slim
        elif (owner := controller_uid(slim)) is not None:
            child = ChildKey(kind.name, metadata["name"])
            self._children.setdefault(owner, {})[child] = slim

    def _unlink(self, kind: Kind, slim: Json) -> None:
        metadata = slim["metadata"]
        if kind is MODEL_DEPLOYMENT:
            key = Key(metadata["namespace"], metadata["name"])
            if self._deployments.get(key) is slim:
                del self._deployments[key]
        elif kind is BATCH_PREDICTION:
            key = Key(metadata["namespace"], metadata["name"], BATCH_KIND)
            if self._batches.get(key) is slim:
                del self._batches[key]
        elif kind is POD:
            _drop(self._pods, owner_key(slim), metadata["uid"], slim)
        else:
            child = ChildKey(kind.name, metadata["name"])
            _drop(self._children, controller_uid(slim), child, slim)


def controller_uid(manifest: Mapping[str, Any]) -> str | None:
    """The UID of the resource of ours, or of the CronJob, that controls the object, if one does."""
    for reference in manifest["metadata"].get("ownerReferences") or ():
        if reference.get("controller") and reference.get("kind") in _CONTROLLERS:
            return str(reference["uid"])
    return None


def owner_key(manifest: Mapping[str, Any]) -> Key | None:
    """The resource of ours that an object says it belongs to, by its label."""
    metadata = manifest["metadata"]
    labels = metadata.get("labels") or {}
    if name := labels.get(LABEL_DEPLOYMENT):
        return Key(metadata["namespace"], name)
    if name := labels.get(LABEL_BATCH):
        return Key(metadata["namespace"], name, BATCH_KIND)
    return None


def older(one: str, other: str) -> bool:
    """Whether a resourceVersion is older than another of the same kind; False when unknown."""
    if one.isdecimal() and other.isdecimal():
        return int(one) < int(other)
    return False


def _newer(raw: Mapping[str, Any], known: Json) -> bool:
    version, present = raw["metadata"]["resourceVersion"], known["metadata"]["resourceVersion"]
    return bool(version != present) and not older(version, present)


def _alike(one: Json, other: Json) -> bool:
    """Whether two states of an object differ in nothing but their version."""
    metadata = one["metadata"] | {"resourceVersion": other["metadata"]["resourceVersion"]}
    return bool(metadata == other["metadata"]) and all(
        one.get(part) == other.get(part)
        for part in one.keys() | other.keys() - {"metadata"}
        if part != "metadata"
    )


def _drop(index: dict[Any, dict[Any, Json]], group: Any, key: Any, slim: Json) -> None:
    """Takes an object out of an index, unless its place belongs to a later one by now."""
    members = index.get(group)
    if members is None or members.get(key) is not slim:
        return
    del members[key]
    if not members:
        del index[group]
