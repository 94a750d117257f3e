"""From a folder or a tag to an ASGI application, by the parts of BentoML that `serve` uses.

`_bentoml_impl.loader`, `server_context` and the metrics client are private to BentoML: its
version is pinned, and tests/local serves a real bento through this module.
"""

from __future__ import annotations

import logging.config
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _bentoml_impl.loader import load as load_service
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml._internal.context import server_context
from bentoml._internal.log import SERVER_LOGGING_CONFIG
from bentoml._internal.server.http_app import log_exception
from bentoml._internal.server.metrics.prometheus import PrometheusClient
from bentoml._internal.utils.uri import join_paths
from bentoml.exceptions import BentoMLException, NotFound
from pydantic import ValidationError

from dohyo_serving import digest
from dohyo_serving.endpoint import Door
from dohyo_serving.entrance import Entrance, known_paths
from dohyo_serving.errors import ServingError, brief
from dohyo_serving.requirements import installed_version, unmet

if TYPE_CHECKING:
    from dohyo_serving.endpoint import Endpoint
    from dohyo_serving.predictors import Predictor

logger = logging.getLogger("bentoml.dohyo")
BENTO_FILE = "bento.yaml"
# BentoML logs the traceback of a service that does not start; the launcher tells it in one line.
STARTUP_LOGGER = "bentoml.serve"
STARTUP_FAILURE = "Initializing service error"


@dataclass(frozen=True)
class Demands:
    """What a bento must fulfil to be served.

    Attributes:
        digest: of its folder (`digest.of_folder`); None takes any.
        other_libraries: whether libraries of other versions than it asks for only give a warning.
    """

    digest: str | None = None
    other_libraries: bool = False


def load(target: str, demands: Demands) -> Entrance:
    """Loads a bento's service and makes its application; the model itself loads at start-up.

    Raises:
        ServingError: there is no such bento, it does not fit, or its code does not import.
    """
    logging.config.dictConfig(SERVER_LOGGING_CONFIG)
    logging.getLogger(log_exception.__module__).addFilter(without_client_tracebacks)
    logging.getLogger(STARTUP_LOGGER).addFilter(without_startup_failure)
    service = _service(target, demands)
    server_context.worker_index = 1
    server_context.service_type = "entry_service"
    server_context.service_name = service.name
    server_context.service_routes = [
        join_paths(service.path_prefix, api.route) for api in service.apis.values()
    ]
    BentoMLContainer.metrics_client.set(PrometheusClient(multiproc=False))
    app = service.to_asgi(is_main=True)
    endpoint = _endpoint(service)
    return Entrance(app, endpoint, known_paths(app))


def predictor_of(target: str, demands: Demands) -> Predictor:
    """Loads a bento's model without serving it, for rows that come otherwise than by requests.

    Raises:
        ServingError: as `load`; or its service has no endpoint of this runtime.
    """
    known = set(sys.modules)
    service = _service(target, demands)
    endpoint = _endpoint(service)
    if endpoint is None:
        raise ServingError(
            f"{target}: its service has no dohyo_serving.Endpoint, so nobody can ask it for "
            "columns; attach one as the bentos of `dohyo train` do"
        )
    try:
        # What a server does at its start: the service's own code loads the model.
        service()
    except ServingError:
        raise
    except Exception as error:
        raise ServingError(f"{target}: the service does not start: {brief(error)}") from error
    if endpoint.engine is None:
        raise ServingError(f"{target}: its service loads no model into its endpoint")
    _forget(set(sys.modules) - known)
    return endpoint.engine.predictor


def _forget(modules: set[str]) -> None:
    """Lets the next bento import modules of its own under the same names, such as `service`."""
    for name in modules:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if f"{os.sep}src{os.sep}" in file and "site-packages" not in file:
            del sys.modules[name]


def _endpoint(service: Any) -> Endpoint | None:
    found = [each["endpoint"] for kind, each in service.middlewares if kind is Door]
    return found[0] if found else None


def _service(target: str, demands: Demands) -> Any:
    """The service of a bento that meets the demands."""
    located = _located(target)
    if demands.digest is not None:
        digest.check(Path(located) if located.startswith("/") else _stored(located), demands.digest)
    service = _import(located)
    if service.bento is None:
        raise ServingError(f"{target}: no built bento; build one with `bentoml build`")
    _check_requirements(service.bento, demands)
    service.inject_config()
    # Metrics and the service itself learn from here which version they are.
    server_context.bento_name = service.bento.tag.name
    server_context.bento_version = service.bento.tag.version
    return service


def without_client_tracebacks(record: logging.LogRecord) -> bool:
    """Keeps a client's mistake to one line of the log, whatever its body holds."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, ValidationError):
        record.levelno, record.levelname, record.exc_info = logging.INFO, "INFO", None
        record.msg = f"{record.getMessage()}: refused, {error.error_count()} invalid values"
        record.args = ()
    return True


def without_startup_failure(record: logging.LogRecord) -> bool:
    return record.msg != STARTUP_FAILURE


def _check_requirements(bento: Any, demands: Demands) -> None:
    image = getattr(bento.info, "image", None)
    asked = image.python_requirements if image else ""
    missing = unmet(asked.splitlines(), installed_version)
    python = str(getattr(image, "python_version", "") or "")
    here = platform.python_version()
    if python and python.split(".")[:2] != here.split(".")[:2]:
        missing.insert(0, f"python {python} (here {here})")
    if not missing:
        return
    text = f"{bento.tag} was built for other packages than this runtime has: {', '.join(missing)}"
    if not demands.other_libraries:
        raise ServingError(
            f"{text}; build it for these, run it in its own image (`bentoml containerize`), "
            "or serve it all the same with --warn"
        )
    logger.warning("%s; its predictions may be others than in training", text)


def _located(target: str) -> str:
    """The absolute folder that a target names, or the target itself as a tag."""
    folder = Path(target).expanduser()
    if (folder / BENTO_FILE).is_file():
        return str(folder.resolve())
    if folder.is_dir() or target.startswith((".", "/", "~")):
        raise ServingError(f"{target}: no {BENTO_FILE} in this folder; name a built bento's")
    return target


def _stored(tag: str) -> Path:
    """The folder of a tag in the store."""
    try:
        return Path(BentoMLContainer.bento_store.get().get(tag).path)
    except (NotFound, BentoMLException) as error:
        home = BentoMLContainer.bentoml_home.get()
        raise ServingError(
            f"{tag}: no such bento in the store {home}; "
            "`bentoml list` shows what is there, or name a bento's folder"
        ) from error


def _import(located: str) -> Any:
    try:
        if located.startswith("/"):
            return load_service(located, standalone_load=True)
        # By the store alone: a tag must never be taken for a Python module.
        _stored(located)
        return load_service(BentoMLContainer.bento_store.get().get(located), standalone_load=True)
    except ServingError:
        raise
    except BentoMLException as error:
        raise ServingError(f"{located}: the bento does not load: {brief(error)}") from error
    except Exception as error:
        raise ServingError(f"{located}: the bento's code fails: {brief(error)}") from error
