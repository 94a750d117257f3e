"""The cluster's life: up from whatever is there, down without a trace, what there is now."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from cluster import (
    engine,
    kubernetes_api,
    node_image,
    nodes,
    paths,
    tools,
    versions,
)
from cluster.errors import ClusterError
from cluster.progress import say

if TYPE_CHECKING:
    from cluster.engine import Engine

DEFAULT_WORKERS = 2
GIVEN = "DOHYO_KUBECONFIG"


def up(workers: int | None) -> None:
    """Gives a working cluster and its kubeconfig in the build folder.

    A given kubeconfig comes first, then a cluster that is there, then a new one; `workers` None
    takes the cluster that is there whatever its size, and makes a new one with two.
    """
    given = os.environ.get(GIVEN)
    if given:
        _use_given(Path(given))
        return
    docker = engine.ensure()
    kind = tools.ensure("kind")
    tools.ensure("kubectl")
    if not _reuse(docker, kind, workers):
        nodes.create(docker, kind, DEFAULT_WORKERS if workers is None else workers)
    _tell(docker)


def _use_given(given: Path) -> None:
    if not given.is_file():
        raise ClusterError(f"{GIVEN}={given}: no such file; unset it to get a cluster made here")
    reason = kubernetes_api.answers(given)
    if reason:
        raise ClusterError(f"{GIVEN}={given}: {reason}")
    content = kubernetes_api.flattened(given)
    paths.BUILD.mkdir(parents=True, exist_ok=True)
    unfinished = paths.KUBECONFIG.with_name(f".kubeconfig-{os.getpid()}")
    unfinished.touch(mode=0o600)
    unfinished.write_text(content, encoding="utf-8")
    unfinished.replace(paths.KUBECONFIG)
    say(f"the cluster of {given} is used; its current context was copied to {paths.KUBECONFIG}")


def _reuse(docker: Engine, kind: str, workers: int | None) -> bool:
    """Takes the cluster that is there if it works, mended if need be; else removes it."""
    there = nodes.found(docker)
    if not there:
        return False
    stood_still = not all(node.running for node in there)
    reason = _revive(docker, kind, there)
    if not reason:
        has = len(there) - 1
        if workers not in (None, has):
            raise ClusterError(
                f"the cluster that runs has {has} workers, {workers} were asked for: "
                "remove it first with `python3 -m cluster down`"
            )
        say("the cluster was started again" if stood_still else "the cluster runs already")
        return True
    say(f"the cluster that is there cannot be used ({reason}): it is made anew")
    nodes.delete(docker, kind)
    return False


def _revive(docker: Engine, kind: str, there: list[nodes.Node]) -> str:
    """Starts and looks at the cluster that is there; empty if it works, else why it does not."""
    if there[0].role != "control-plane" or not nodes.start(docker, there):
        return "a node is missing or does not start"
    try:
        nodes.export_kubeconfig(docker, kind)
    except ClusterError:
        return "it was not made to the end"
    reason = kubernetes_api.silence()
    if reason:
        return reason
    # Without its maker's mark nobody works on it any more: waiting for its nodes is in vain.
    marks = kubernetes_api.marks()
    if marks is None or marks.get("workers") != str(len(there) - 1):
        return "it was not made to the end"
    if marks.get("image") not in (node_image.name(), versions.KIND_NODE):
        say("note: its nodes are of an older image; `down`, then `up` gives new ones")
    return kubernetes_api.trouble(nodes.started(docker))


def _tell(docker: Engine) -> None:
    there = nodes.found(docker)
    published = nodes.published_ports(docker, there[0].name)
    ports = ", ".join(f"127.0.0.1:{port} → NodePort {inside}" for inside, port in published.items())
    say(f"{len(there)} nodes; {ports}; context {paths.CONTEXT} in {paths.KUBECONFIG}")
    say('for your shell: eval "$(python3 -m cluster env)"')


def down() -> None:
    """Removes the cluster, and our engine with everything it holds on the machine but its data."""
    docker = engine.running()
    if docker is None:
        engine.stop_own()  # it runs without an answer, or left something behind
    if docker is None and engine.own_data_names(nodes.OWN_LABEL):
        docker = engine.ensure()
    if docker is not None and nodes.found(docker):
        nodes.delete(docker, tools.ensure("kind"))
    paths.KUBECONFIG.unlink(missing_ok=True)
    stopped = engine.stop_own()
    say("our Docker engine was stopped" if stopped else "no Docker engine of ours runs")
    if paths.cache().exists():
        say(
            f"what was built stays in {paths.cache()} for the next time; "
            f"`rm -rf {paths.cache()}` removes that too"
        )
