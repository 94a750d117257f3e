"""What a process does while it holds the Lease: watch, reconcile, and notice its own blindness."""

from __future__ import annotations

import asyncio
import logging
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import kopf

from dohyo import handlers
from dohyo.batch_reconcile import BatchReconciler, BatchWorld
from dohyo.cluster.apply import Applier
from dohyo.cluster.batch_labels import BatchLabels
from dohyo.cluster.census import Census
from dohyo.cluster.evidence import Inquirer
from dohyo.cluster.feed import Feed
from dohyo.cluster.gateways import Gateways, Whereabouts
from dohyo.cluster.kinds import watched
from dohyo.cluster.login import watch_session
from dohyo.cluster.namespace_keys import NamespaceKeys
from dohyo.cluster.recorder import Recorder
from dohyo.cluster.store import Store
from dohyo.cluster.streams import Streams
from dohyo.cluster.tally import Tally
from dohyo.reconcile import Reconciler, World
from dohyo.workqueue import WorkQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubernetes.aio.client import ApiClient

    from dohyo.cluster.client import Client
    from dohyo.cluster.store import Key
    from dohyo.configuration import Configuration
    from dohyo.telemetry import Telemetry

log = logging.getLogger(__name__)


class Leading:
    """One term of office.

    Args:
        config: of this process.
        api: logged in.
        client: writes pass its fence.
        telemetry: the operator's metrics.
    """

    def __init__(
        self, config: Configuration, api: ApiClient, client: Client, telemetry: Telemetry
    ) -> None:
        self._config = config
        self._api = api
        self._store = Store()
        tally = Tally(config.settings.windows.kept_seconds)
        where = Whereabouts(config.namespace, config.settings.gateway_service, config.gateways)
        self._gateways = Gateways(client, where, tally, lambda: _now().timestamp())
        self._inquirer = Inquirer(config.sources, self._gateways.agents, lambda: _now().timestamp())
        applier = Applier(client, self._store)
        recorder = Recorder(client, config.identity, _now)
        self._labels = BatchLabels(config.sources, lambda: _now().timestamp())
        batches = BatchReconciler(
            BatchWorld(self._store, client, applier, recorder, config.settings, _now, self._labels)
        )
        self._kinds = watched(batch=config.batch)
        self._reconciler = Reconciler(
            World(
                store=self._store,
                client=client,
                applier=applier,
                gateways=self._gateways,
                recorder=recorder,
                telemetry=telemetry,
                settings=config.settings,
                now=_now,
                inquirer=self._inquirer,
                keys=NamespaceKeys(client, config.master_keys, asyncio.get_running_loop().time),
            ),
            batches,
        )
        self._queue: WorkQueue[Key] = WorkQueue(self._reconciler, random.Random())  # noqa: S311
        self._feed = Feed(self._store, self._queue.add, batches.concerned)
        self._census = Census(client, self._store, config.scopes, self._feed.stir, self._kinds)
        self._streams = Streams(
            api.configuration.host,
            config.scopes,
            telemetry,
            asyncio.get_running_loop().time,
            self._kinds,
        )
        self._synced = False
        telemetry.queue_depth.set_function(lambda: len(self._queue))
        telemetry.show_deployments(lambda: list(self._store.deployments()))
        telemetry.show_batches(lambda: list(self._store.batches()))

    @property
    def blind(self) -> list[str]:
        """Watches that deliver nothing any more, in words."""
        dead = [f"the watch of {path} has not been reopened" for path in self._streams.dead()]
        return dead + self._census.behind

    @property
    def missing(self) -> list[str]:
        """What is not there yet before work can begin, in words."""
        return [] if self._synced else ["the first listing of every kind is not complete"]

    async def watch(self, on_started: Callable[[], None]) -> None:
        """Keeps the watches up; ends only by failing or by being cancelled.

        Args:
            on_started: called when kopf has taken the process's signals, to take them back.
        """
        async with watch_session(self._api, [self._streams.trace()]) as session:
            ours = asyncio.all_tasks()
            tasks = await kopf.spawn_tasks(
                registry=handlers.registry_of(
                    self._feed, self._kinds, self._api.configuration.host, session
                ),
                settings=handlers.settings_of(self._kinds),
                clusterwide=not self._config.watched,
                namespaces=self._config.watched,
                standalone=True,
            )
            on_started()
            await kopf.run_tasks(tasks, ignored=ours)

    async def work(self) -> None:
        """Reconciles, once everything that exists has been seen; ends only by being cancelled."""
        await self._census.first()
        await self._gateways.looked.wait()
        self._synced = True
        log.info("everything is listed; %d resources", len(self._queue))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._census.run())
            group.create_task(self._queue.run(self._config.workers))

    async def listen(self) -> None:
        """Asks the gateways, and stirs whom their answers concern; ends only by being cancelled."""
        await self._gateways.run(self._stir)

    async def inquire(self) -> None:
        """Asks about trials and batch runs, and stirs whom the answers concern, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._inquirer.run(self._stir))
            group.create_task(self._labels.run(self._queue.add))

    def _stir(self) -> None:
        for key in self._reconciler.stirred():
            self._queue.add(key)


def _now() -> datetime:
    return datetime.now(UTC)
