"""Versions that fail or dawdle by chance: a small server in a real pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dohyo.contract import BENTO_GRPC_PORT
from tests.harness import model
from tests.harness.manifests import version

if TYPE_CHECKING:
    from tests.harness.live import Object

_PROGRAM = """\
import asyncio, random
import grpc
from aiohttp import web
failing, slow, seconds = {failing!r}, {slow!r}, {seconds!r}
async def dawdle():
    if random.random() < slow:
        await asyncio.sleep(seconds)
class Anything(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(self.answer)
    async def answer(self, request, context):
        await dawdle()
        if random.random() < failing:
            await context.abort(grpc.StatusCode.INTERNAL, "by chance")
        return b""
async def by_grpc(app):
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Anything(),))
    server.add_insecure_port("[::]:{port}")
    await server.start()
    yield
    await server.stop(5)
async def predict(request):
    await request.read()
    await dawdle()
    if random.random() < failing:
        return web.json_response({{"error": "by chance"}}, status=500)
    return web.json_response({{"predictions": []}})
async def well(request):
    return web.Response(text="ok")
app = web.Application()
app.cleanup_ctx.append(by_grpc)
app.router.add_post("/predict", predict)
app.router.add_get("/readyz", well)
app.router.add_get("/livez", well)
web.run_app(app, port=3000, print=None)
"""


def faulty(name: str, failing: float = 0.0, slow: float = 0.0, seconds: float = 0.2) -> Object:
    """A version that answers a share of its requests with 500, and a share of them late.

    Over gRPC it answers any unary method with an empty message, or INTERNAL in place of 500.

    Args:
        name: of the version.
        failing: share that fails.
        slow: share that takes `seconds` longer.
        seconds: how much longer.
    """
    chances = {"failing": failing, "slow": slow, "seconds": seconds}
    program = _PROGRAM.format(**chances, port=BENTO_GRPC_PORT)
    container = {"name": "bento", "command": ["python", "-c", program], "args": []}
    return version(name, model.LOGISTIC, podTemplate={"spec": {"containers": [container]}})
