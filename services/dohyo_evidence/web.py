"""What the service answers over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any, Final

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from dohyo.contract.arrivals import EVENTS_PATH, FEEDBACK_PATH, EventBatch, Intake
from dohyo.contract.batch_evidence import BATCH_EVIDENCE_PATH
from dohyo.contract.documents import DocumentError, from_json, to_json
from dohyo.contract.evidence import EVIDENCE_PATH, STATE_ERROR, EvidenceReport
from dohyo.contract.keys import FOR_FEEDBACK, FOR_RECORDS, FOR_REPORTS
from dohyo.contract.records import RECORDS_PATH
from dohyo.contract.trials import TRIAL_PATH
from dohyo_evidence.arrivals import OVERSIZED
from dohyo_evidence.service import DATABASE_ERRORS, PlanError, Service
from dohyo_evidence.trial_book import PlanConflictError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from dohyo_evidence.settings import Settings

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_LOG: Final = logging.getLogger("dohyo_evidence.web")
_RETRY_SECONDS: Final = 1
_WAY_OUT: Final = "give both the same master keys (DOHYO_MASTER_KEYS there, DOHYO_KEYS_FOLDER here)"
_SERVICE: Final = web.AppKey("service", Service)


def application(service: Service, settings: Settings) -> web.Application:
    """All pages of the service."""
    pages = _Pages(service, settings)
    app = web.Application(client_max_size=settings.most_bytes, middlewares=[_honest])
    app[_SERVICE] = service
    app.router.add_post(FEEDBACK_PATH, pages.feedback)
    # As the gateway sends it on: who is addressed stands in the prediction ids anyway.
    app.router.add_post("/{namespace}/{name}/feedback", pages.feedback)
    app.router.add_post("/feedback", pages.feedback)
    app.router.add_post(RECORDS_PATH, pages.records)
    app.router.add_post(EVENTS_PATH, pages.events)
    app.router.add_put(TRIAL_PATH, pages.declare)
    app.router.add_get(EVIDENCE_PATH, pages.report)
    app.router.add_get(BATCH_EVIDENCE_PATH, pages.batch_report)
    app.router.add_get("/livez", pages.live)
    app.router.add_get("/readyz", pages.ready)
    app.router.add_get("/metrics", pages.metrics)
    return app


class _Pages:
    def __init__(self, service: Service, settings: Settings) -> None:
        self._service = service
        self._settings = settings
        self._busy = 0

    async def feedback(self, request: web.Request) -> web.Response:
        namespace = None
        if self._settings.feedback_token:
            namespace = self._namespace(request, FOR_FEEDBACK)
        with self._room():
            document = _json(await request.read())
            rows = document.get("rows") if isinstance(document, dict) else document
            single = isinstance(document, dict) and "rows" not in document
            rows = [document] if single else rows
            if not isinstance(rows, list):
                raise _refusal(400, "rows: must be a list of {prediction_id, row, label | reward}")
            if len(rows) > self._settings.most_rows:
                most = self._settings.most_rows
                raise _refusal(413, f"rows: {len(rows)} in one batch; send at most {most}")
            with self._service.telemetry.seconds.labels("feedback").time():
                intake = await self._service.feedback(rows, namespace)
        if single and intake.refused:
            status = 413 if intake.refused[0].reason == OVERSIZED else 422
            return _answer(to_json(intake), status)
        return _answer(to_json(intake))

    async def records(self, request: web.Request) -> web.Response:
        namespace = self._namespace(request, FOR_RECORDS)
        with self._room():
            lines = [line for line in (await request.read()).splitlines() if line.strip()]
            with self._service.telemetry.seconds.labels("record").time():
                intake = await self._service.records(lines, namespace)
        return _answer(to_json(intake))

    async def events(self, request: web.Request) -> web.Response:
        namespace = self._namespace(request, FOR_RECORDS)
        with self._room():
            batch = from_json(EventBatch, _json(await request.read()))
            with self._service.telemetry.seconds.labels("event").time():
                intake: Intake = await self._service.events(batch, namespace)
        return _answer(to_json(intake))

    async def declare(self, request: web.Request) -> web.Response:
        if not self._service.is_operators(_token(request)):
            raise _refusal(401, f"Authorization: needs the operator's bearer token; {_WAY_OUT}")
        document = _json(await request.read())
        parts = request.match_info
        named = {k: document.get(k) for k in ("namespace", "deployment", "trial")}
        path = {k: parts[p] for k, p in zip(named, ("namespace", "name", "trial"), strict=True)}
        if named != path:
            raise _refusal(400, f"the plan is of {named}, the path of {path}; make them the same")
        try:
            await self._service.declare(document)
        except PlanConflictError as error:
            raise _refusal(409, str(error)) from error
        except PlanError as error:
            raise _refusal(422, str(error)) from error
        return _answer({"declared": parts["trial"]})

    async def report(self, request: web.Request) -> web.Response:
        namespace, name = self._asked_about(request)
        try:
            report = await self._service.report(namespace, name)
        except DATABASE_ERRORS as error:
            words = f"the database does not answer: {type(error).__name__}"
            broken = EvidenceReport(namespace, name, time.time(), STATE_ERROR, words)
            return _answer(to_json(broken), 503)
        if report is None:
            raise _refusal(404, f"no trial of {namespace}/{name} has been declared")
        return _answer(to_json(report))

    async def batch_report(self, request: web.Request) -> web.Response:
        namespace, name = self._asked_about(request)
        run = request.match_info["run"]
        report = await self._service.batch_report(namespace, name, run)
        if report is None:
            raise _refusal(404, f"no label of run {run} of {namespace}/{name} has come")
        return _answer(to_json(report))

    async def live(self, _: web.Request) -> web.Response:
        return _verdict(self._service.is_alive, "settling is stuck")

    async def ready(self, _: web.Request) -> web.Response:
        try:
            await self._service.check_database()
        except DATABASE_ERRORS:
            return _verdict(good=False, reason="the database does not answer")
        return _verdict(good=True, reason="")

    async def metrics(self, _: web.Request) -> web.Response:
        body = generate_latest(self._service.telemetry.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    @contextlib.contextmanager
    def _room(self) -> Iterator[None]:
        """Turns batches away while too many are at work, rather than hold them in memory."""
        if self._busy >= self._settings.most_batches:
            self._service.telemetry.turned_away.labels("429").inc()
            raise _refusal(429, f"{self._busy} batches are at work; try again", retry=True)
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    def _asked_about(self, request: web.Request) -> tuple[str, str]:
        """Namespace and ModelDeployment of a report, for who may read it."""
        namespace, name = request.match_info["namespace"], request.match_info["name"]
        token = _token(request)
        theirs = self._service.namespace_of(token, FOR_REPORTS)
        if theirs != namespace and not self._service.is_operators(token):
            whose = f"the bearer token for {FOR_REPORTS} of {namespace}, or the operator's"
            raise _refusal(401, f"Authorization: needs {whose}; for the operator, {_WAY_OUT}")
        return namespace, name

    def _namespace(self, request: web.Request, purpose: str) -> str:
        found = self._service.namespace_of(_token(request), purpose)
        if found is None:
            raise _refusal(401, f"Authorization: needs a bearer token for {purpose}")
        return found


@web.middleware
async def _honest(request: web.Request, handler: Handler) -> web.StreamResponse:
    """No traceback reaches a client; a database that is away is said to be."""
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge as error:
        raise _refusal(413, f"the body is too large: {error.text}") from error
    except DocumentError as error:
        raise _refusal(400, str(error)) from error
    except DATABASE_ERRORS as error:
        request.app[_SERVICE].telemetry.turned_away.labels("503").inc()
        _LOG.warning("the database does not answer: %s", " ".join(str(error).split())[:300])
        raise _refusal(
            503, "the database does not answer; nothing was stored", retry=True
        ) from None
    except asyncio.CancelledError:
        raise


def _token(request: web.Request) -> str:
    """The bearer token that a request shows; empty when it shows none."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise DocumentError(f"the body is no JSON: {error}") from error


def _refusal(status: int, message: str, *, retry: bool = False) -> web.HTTPException:
    kinds = {
        400: web.HTTPBadRequest,
        401: web.HTTPUnauthorized,
        404: web.HTTPNotFound,
        409: web.HTTPConflict,
        413: web.HTTPBadRequest,
        422: web.HTTPUnprocessableEntity,
        429: web.HTTPTooManyRequests,
        503: web.HTTPServiceUnavailable,
    }
    headers = {"Retry-After": str(_RETRY_SECONDS)} if retry else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    body = orjson.dumps({"error": message})
    error = kinds[status](body=body, content_type="application/json", headers=headers)
    if status == 413:
        error.set_status(413)
    return error


def _answer(document: Any, status: int = 200) -> web.Response:
    body = orjson.dumps(document)
    return web.Response(body=body, status=status, content_type="application/json")


def _verdict(good: bool, reason: str) -> web.Response:
    return web.Response(text="ok\n") if good else web.Response(status=503, text=reason + "\n")
