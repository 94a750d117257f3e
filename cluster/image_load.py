"""Local images brought into the nodes, so that no pod asks a registry for them."""

from __future__ import annotations

import os
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster import engine as engines
from cluster import image_archive, kubernetes_api, lifecycle, nodes, paths, products, programs
from cluster.errors import ClusterError
from cluster.progress import say, step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from cluster.engine import Engine

ID_LABEL = "dohyo.dev/image-id"
BYTES_PER_SECOND = 60e6
CTR = ("ctr", "--namespace=k8s.io")


def load(names: Sequence[str]) -> None:
    """Loads local images into every node that does not hold the same image already.

    Raises:
        ClusterError: an image is not local, or the nodes are not containers of our engine.
    """
    engine = engines.ensure()
    ids = _local_ids(engine, names)
    there = _node_containers(engine)
    with ThreadPoolExecutor(max_workers=len(there)) as pool:
        found = pool.map(lambda node: _holdings(engine, node), there)
        held = dict(zip(there, found, strict=True))
    for holdings, group in by_holdings(held).items():
        lacking = {name: ids[name] for name in ids if not holdings.has(name, ids[name])}
        for name in ids.keys() - lacking.keys():
            say(f"{name}: on {', '.join(group)} already")
        if lacking:
            _bring(engine, lacking, holdings, group)


@dataclass(frozen=True)
class Holdings:
    """What a node has: `reference id` pairs of images that came from here, digests of content."""

    images: frozenset[str]
    content: frozenset[str]

    def has(self, name: str, image_id: str) -> bool:
        return f"{reference(name)} {image_id}" in self.images


def by_holdings(held: Mapping[str, Holdings]) -> dict[Holdings, list[str]]:
    """The nodes that lack the same, and thus can be brought the same archive."""
    groups: dict[Holdings, list[str]] = {}
    for node, holdings in held.items():
        groups.setdefault(holdings, []).append(node)
    return groups


def references(ids: Mapping[str, str]) -> dict[str, list[str]]:
    """The references of each image id: two names may mean the same image."""
    known_by: dict[str, list[str]] = {}
    for name, image in ids.items():
        known_by.setdefault(image, []).append(reference(name))
    return known_by


def _node_containers(engine: Engine) -> list[str]:
    """The containers to load into: our nodes, or those of the given kubeconfig."""
    given = os.environ.get(lifecycle.GIVEN)
    if not given:
        there = [node.name for node in nodes.found(engine) if node.running]
        if not there:
            raise ClusterError("no node runs: `python3 -m cluster up` first")
        return there
    there = kubernetes_api.node_names()
    if not engine.tries("container", "inspect", *there):
        raise ClusterError(
            f"{lifecycle.GIVEN}={given}: its nodes ({', '.join(there)}) are no containers of "
            "this machine's Docker: push the images to a registry that they read"
        )
    return there


def _local_ids(engine: Engine, names: Iterable[str]) -> dict[str, str]:
    ids = {}
    for name in names:
        found = engine.image_id(name)
        if found is None:
            raise ClusterError(f"{name}: no such local image; build it, or correct the name")
        ids[name] = found
    return ids


def reference(name: str) -> str:
    """The full reference that containerd and the kubelet know an image by."""
    domain, slash, rest = name.partition("/")
    if not slash or not ("." in domain or ":" in domain or domain == "localhost"):
        domain, rest = "docker.io", name if slash else f"library/{name}"
    tagged = rest if ":" in rest or "@" in rest else f"{rest}:latest"
    return f"{domain}/{tagged}"


def _holdings(engine: Engine, node: str) -> Holdings:
    labelled = engine.docker("exec", node, *CTR, "images", "list", f'labels."{ID_LABEL}"')
    content = engine.docker("exec", node, *CTR, "content", "list", "--quiet")
    return Holdings(frozenset(pairs_in(labelled)), frozenset(content.split()))


def pairs_in(listed: str) -> Iterable[str]:
    """`reference id` of each line of ctr's list whose labels tell the id."""
    for line in listed.splitlines()[1:]:
        words = line.split()
        for label in words[-1].split(",") if words else ():
            name, _, value = label.partition("=")
            if name == ID_LABEL:
                yield f"{words[0]} {value}"


def _bring(
    engine: Engine, ids: Mapping[str, str], holdings: Holdings, targets: Sequence[str]
) -> None:
    sizes = engine.docker("image", "inspect", "--format", "{{.Size}}", *ids).split()
    seconds = sum(int(size) for size in sizes) / BYTES_PER_SECOND
    with (
        step(f"load {', '.join(ids)} into {', '.join(targets)}", 2 + seconds),
        products.folder_of_work(paths.cache() / "loads") as folder,
    ):
        saved, lacking = folder / "saved.tar", folder / "lacking.tar"
        engine.docker("save", "--output", str(saved), *ids)
        with tarfile.open(saved) as archive:
            images = image_archive.read(archive, references(ids))
            if images is None:
                lacking = saved
            else:
                size = image_archive.write(lacking, archive, images, holdings.content)
                say(f"    {size / 1e6:.0f} MB of layers are new there")
        with ThreadPoolExecutor(max_workers=len(targets)) as pool:
            list(pool.map(lambda node: _import(engine, node, lacking, ids), targets))


def _import(engine: Engine, node: str, archive: Path, ids: Mapping[str, str]) -> None:
    with archive.open("rb") as content:
        programs.run(
            [
                *("docker", "exec", "--interactive", node, *CTR, "images", "import"),
                *("--all-platforms", "--snapshotter=overlayfs", "-"),
            ],
            programs.Surroundings(environment=engine.environment, input_file=content),
        )
    for name, image in ids.items():
        label = f"{ID_LABEL}={image}"
        engine.docker("exec", node, *CTR, "images", "label", reference(name), label)
