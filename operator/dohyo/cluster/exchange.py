"""One request to the API server and its answer: plain dictionaries, and a time limit on each.

The client of the `kubernetes` library logs in, keeps the connections and rotates tokens; its
models stay unused, as building them costs more than the request.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from dohyo.cluster.errors import ApiError, error_from
from dohyo.cluster.login import credentials_of

if TYPE_CHECKING:
    from kubernetes.aio.client import ApiClient

Json = dict[str, Any]

_CONNECT_SECONDS = 5.0


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        method: of HTTP.
        path: with the query.
        body: JSON values; None is no body.
        content: type of the body.
        accept: type of the answer.
        seconds: until the whole answer must be there.
    """

    method: str
    path: str
    body: Any = None
    content: str = "application/json"
    accept: str = "application/json"
    seconds: float = 20.0

    def __str__(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]}"


async def exchange(api: ApiClient, request: Request) -> Json:
    """The answer to a request.

    Raises:
        ApiError: the answer is 400 or above, or there is none in time.
    """
    headers = {
        **api.default_headers,
        **await credentials_of(api),
        "Content-Type": request.content,
        "Accept": request.accept,
    }
    limit = aiohttp.ClientTimeout(total=request.seconds, sock_connect=_CONNECT_SECONDS)
    try:
        response = await api.rest_client.request(
            request.method,
            api.configuration.host + request.path,
            headers=headers,
            body=request.body,
            _request_timeout=limit,
        )
        data: bytes = await response.read()
    except TimeoutError as error:
        why = f"no answer within {request.seconds:g} s"
        raise ApiError(0, "Timeout", why, str(request)) from error
    except (aiohttp.ClientError, OSError) as error:
        why = str(error) or type(error).__name__
        raise ApiError(0, "Unreachable", why, str(request)) from error
    if response.status >= 400:
        raise error_from(response.status, data, str(request))
    document: Json = json.loads(data)
    return document
