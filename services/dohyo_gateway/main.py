"""`dohyo-gateway-agent`: runs beside one Envoy until it is told to end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from typing import Final

from kubernetes.aio import client, config

from dohyo.contract import logs
from dohyo.contract.environment import VariableError
from dohyo_gateway.cluster_feed import ClusterFeed, Scope
from dohyo_gateway.service import serve
from dohyo_gateway.settings import Settings, read_settings

_LOG: Final = logging.getLogger("dohyo_gateway")
_QUIET: Final = ("aiohttp.access",)


def main() -> None:
    """Runs the agent; exit code 1 with one line when it cannot even start."""
    try:
        settings = read_settings(os.environ)
        logs.set_up(settings.log_level, _QUIET)
        asyncio.run(_serve(settings))
    except (VariableError, config.ConfigException, OSError) as error:
        sys.exit(f"dohyo-gateway-agent: {' '.join(str(error).split())}")
    except BaseExceptionGroup as group:
        causes = "; ".join(f"{type(e).__name__}: {e}" for e in group.exceptions)
        _LOG.debug("the agent ends", exc_info=group)
        sys.exit(f"dohyo-gateway-agent: ends by {' '.join(causes.split())}")


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with await _api(settings) as api:
        scope = Scope(settings.watch_namespaces, settings.namespace, settings.service, settings.pod)
        await serve(settings, ClusterFeed(api, scope), stop)


async def _api(settings: Settings) -> client.ApiClient:
    if settings.kubeconfig is not None:
        if not settings.kubeconfig.is_file():
            raise VariableError(
                f"DOHYO_KUBECONFIG={str(settings.kubeconfig)!r} is no file; leave it out for the "
                "pod's own account"
            )
        await config.load_kube_config(config_file=str(settings.kubeconfig))
    else:
        config.load_incluster_config()
    return client.ApiClient()


if __name__ == "__main__":
    main()
