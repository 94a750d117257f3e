"""`make demo CLUSTER=1`: from a cluster to predictions split between champion and challenger.

`make` makes the cluster and the images first; this program installs the charts, asks for
predictions through the gateway and shows who answered. Progress goes to standard error.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict

from cluster.errors import ClusterError
from cluster.progress import duration, say, step
from examples.demo import outcome, predictions, releases

PREDICTIONS = 1000
WEIGHT = 10.0
NEXT = """
What to try next:
  eval "$(make --silent env)"       # kubectl, helm and dohyo for this cluster
  kubectl --namespace {namespace} describe md {model}
  kubectl --namespace {namespace} patch md {model} --type json \\
    --patch '[{{"op": "replace", "path": "/spec/challengers/0/weight", "value": 50}}]'
  dohyo --namespace {namespace} status {model}
  make cluster-down                 # remove it all"""


def demonstrate(namespace: str, *, as_json: bool) -> int:
    """Installs, asks and tells; the exit code."""
    began = time.monotonic()
    try:
        install(namespace)
        found = run(namespace)
    except ClusterError as error:
        say(f"demo: {error}")
        return 1
    if as_json:
        print(json.dumps([asdict(row) for row in found], indent=2))
    else:
        following = NEXT.format(namespace=namespace, model=releases.MODEL)
        print(f"\n{outcome.table(found)}\n{following}")
    say(f"\ndemo: {duration(time.monotonic() - began)} after cluster and images were there")
    return 1 if any(row.errors for row in found) else 0


def install(namespace: str) -> None:
    with step("install the ModelDeployment definition (helm, chart dohyo-crds)", 2):
        releases.CRDS.install()
    with step("install operator and gateway (helm, chart dohyo)", 20):
        releases.dohyo().install()
    with step(f"put champion and challenger into the ring at {WEIGHT:g} % (dohyo-example)", 2):
        releases.example(namespace, WEIGHT).install()
    with step("wait until both versions are ready", 30):
        releases.wait_until_ready(namespace)
    say(releases.kubectl(namespace, "get", "md"))


def run(namespace: str) -> tuple[outcome.Row, ...]:
    host = f"{releases.MODEL}.{namespace}"
    url = f"http://127.0.0.1:{releases.NODE_PORT}/predict"
    with step(
        f"ask for {PREDICTIONS:,} predictions at {url} as {host}",
        PREDICTIONS / predictions.PER_SECOND,
    ):
        answers = asyncio.run(predictions.ask(url, host, PREDICTIONS))
    failed = [answer.error for answer in answers if answer.error]
    if failed:
        say(f"    {len(failed)} failed, the first: {failed[0]}")
    return outcome.rows(answers, releases.resource(namespace)["status"]["versions"])
