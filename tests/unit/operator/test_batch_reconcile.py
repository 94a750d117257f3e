"""The whole way of a BatchPrediction over objects that are kept as an API server keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dohyo.batch_reconcile import BatchReconciler, BatchWorld
from dohyo.cluster.apply import Applier
from dohyo.cluster.feed import Feed
from dohyo.cluster.kinds import BATCH_PREDICTION, EVENT, JOB, MODEL_DEPLOYMENT
from dohyo.cluster.recorder import Recorder
from dohyo.cluster.store import Key, Store
from dohyo.contract import BATCH_KIND
from dohyo.local.objects import LocalObjects
from tests.batches import NAME, SETTINGS, a_batch_manifest, a_ring, done
from tests.builders import NOW

if TYPE_CHECKING:
    from dohyo.cluster.kinds import Kind

KEY = Key("shop", NAME, BATCH_KIND)


class Place:
    """A reconciler at work, and the keys that its feed asked for."""

    def __init__(self) -> None:
        self.asked: list[Key] = []
        self.objects = LocalObjects(self._changed)
        store = Store()
        applier = Applier(self.objects, store)
        recorder = Recorder(self.objects, "here", lambda: NOW)
        self.work = BatchReconciler(
            BatchWorld(store, self.objects, applier, recorder, SETTINGS, lambda: NOW)
        )
        self.feed = Feed(store, lambda key, _: self.asked.append(key), self.work.concerned)

    def _changed(self, kind: Kind, event: str, raw: dict[str, Any]) -> None:
        if kind is not EVENT:
            self.feed.take(kind, event, raw)

    async def settle(self) -> dict[str, Any]:
        """Works until there is nothing more to do; the status."""
        for _ in range(10):
            if await self.work(KEY) != 0.0:
                break
        else:
            raise AssertionError("ten passes did not settle it")
        found = self.objects.find(BATCH_PREDICTION, "shop", NAME)
        assert found is not None
        status: dict[str, Any] = found.get("status") or {}
        return status

    @property
    def jobs(self) -> list[dict[str, Any]]:
        return self.objects.all(JOB)

    @property
    def reasons(self) -> list[str]:
        return [event["reason"] for event in self.objects.all(EVENT)]


async def test_a_run_comes_to_its_end_and_is_told() -> None:
    place = Place()
    place.objects.put(MODEL_DEPLOYMENT, a_ring())
    place.objects.put(BATCH_PREDICTION, a_batch_manifest(shards=2))
    assert (await place.settle())["phase"] == "Pending"
    (job,) = place.jobs
    place.objects.set_status(JOB, "shop", job["metadata"]["name"], done())
    assert KEY in place.asked
    assert (await place.settle())["phase"] == "Finishing"
    end = next(j for j in place.jobs if j["metadata"]["name"].endswith("-finish"))
    place.objects.set_status(JOB, "shop", end["metadata"]["name"], done())
    status = await place.settle()
    assert (status["phase"], status["ended"]) == ("Succeeded", {"Succeeded": 1})
    assert {"RunStarted", "RunScored", "RunSucceeded"} <= set(place.reasons)


async def test_it_waits_for_its_model_and_is_asked_for_when_that_comes() -> None:
    place = Place()
    place.objects.put(BATCH_PREDICTION, a_batch_manifest())
    assert (await place.settle())["phase"] == "Waiting"
    assert place.jobs == []
    place.asked.clear()
    place.objects.put(MODEL_DEPLOYMENT, a_ring())
    assert KEY in place.asked
    assert (await place.settle())["phase"] == "Pending"


async def test_suspending_and_other_work_reach_the_jobs() -> None:
    place = Place()
    place.objects.put(MODEL_DEPLOYMENT, a_ring())
    place.objects.put(BATCH_PREDICTION, a_batch_manifest())
    await place.settle()
    place.objects.put(BATCH_PREDICTION, a_batch_manifest(suspend=True))
    assert (await place.settle())["phase"] == "Suspended"
    (before,) = place.jobs
    assert before["spec"]["suspend"] is True
    place.objects.put(BATCH_PREDICTION, a_batch_manifest(onBadRow="fail"))
    await place.settle()
    (after,) = place.jobs
    assert after["metadata"]["name"] != before["metadata"]["name"]


async def test_one_that_is_gone_asks_for_nothing_more() -> None:
    place = Place()
    place.objects.put(MODEL_DEPLOYMENT, a_ring())
    place.objects.put(BATCH_PREDICTION, a_batch_manifest())
    await place.settle()
    place.objects.drop(BATCH_PREDICTION, "shop", NAME)
    assert await place.work(KEY) is None


async def test_an_invalid_one_says_so() -> None:
    place = Place()
    place.objects.put(BATCH_PREDICTION, a_batch_manifest(version=3))
    assert (await place.settle())["phase"] == "Invalid"
    assert "SpecInvalid" in place.reasons
