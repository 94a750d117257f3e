"""How the API server is reached: from inside a pod, or by a kubeconfig.

Tokens of pods are replaced every hour; the library reads the file again, at most once a minute,
and both our client and kopf's watches ask it before each request.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from dohyo.cluster.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence

_POOL_SIZE = 32


async def log_in(kubeconfig: str | None) -> ApiClient:
    """A client with credentials; its connections are kept and used again.

    Args:
        kubeconfig: path of a file; None is the pod's own account, or what KUBECONFIG names.

    Raises:
        ApiError: there are no credentials.
    """
    configuration = Configuration()
    try:
        if kubeconfig is None and "KUBERNETES_SERVICE_HOST" in os.environ:
            load_incluster_config(client_configuration=configuration)
        else:
            await load_kube_config(
                config_file=kubeconfig, client_configuration=configuration, persist_config=False
            )
    except ConfigException as error:
        raise ApiError(
            0,
            "NoCredentials",
            f"{error}; run inside a pod, name a file by --kubeconfig, or set KUBECONFIG",
            "login",
        ) from error
    configuration.connection_pool_maxsize = _POOL_SIZE
    api = ApiClient(configuration)
    api.user_agent = "dohyo-operator"
    return api


async def credentials_of(api: ApiClient) -> dict[str, str]:
    """The headers that identify us now."""
    headers: dict[str, str] = {}
    await api.update_params_for_auth(headers, [], ["BearerToken"], "", "", None)
    return headers


def watch_session(api: ApiClient, traces: Sequence[aiohttp.TraceConfig]) -> aiohttp.ClientSession:
    """A session for long watches, apart from the pool of short requests."""

    async def identify(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.headers.update(await credentials_of(api))
        return await handler(request)

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=api.rest_client.ssl_context, limit=0),
        headers={"User-Agent": api.user_agent},
        middlewares=(identify,),
        trace_configs=list(traces),
    )
