"""`python3 -m cluster VERB`, from the repository's root."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from cluster import base_images, engine, image_load, lifecycle, overview, tools
from cluster.errors import ClusterError
from cluster.exclusive import turn
from cluster.progress import say

if TYPE_CHECKING:
    from collections.abc import Sequence


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m cluster",
        description="A development cluster on this machine, with or without an image registry.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    up = verbs.add_parser("up", help="give a working cluster and build/kubeconfig")
    up.add_argument(
        "--workers",
        type=int,
        choices=range(10),
        metavar="N",
        help=f"worker nodes of a new cluster (default {lifecycle.DEFAULT_WORKERS})",
    )
    verbs.add_parser("down", help="remove the cluster and stop our Docker engine; caches stay")
    load = verbs.add_parser("load", help="bring local images into every node")
    load.add_argument("images", nargs="+", metavar="IMAGE")
    verbs.add_parser("env", help="print export lines for a shell's eval")
    verbs.add_parser("engine", help="make sure that a Docker engine answers")
    wanted = verbs.add_parser("tools", help="make sure of command-line tools, print their paths")
    wanted.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(tools.TOOLS)}")
    verbs.add_parser("bases", help="stand-ins for public base images that cannot be pulled")
    verbs.add_parser("status", help="print what exists and what runs")
    return parser


def _carry_out(arguments: argparse.Namespace) -> None:
    if arguments.verb == "env":
        print(overview.environment())
        return
    if arguments.verb == "status":
        overview.status()
        return
    with turn():
        match arguments.verb:
            case "up":
                lifecycle.up(arguments.workers)
            case "down":
                lifecycle.down()
            case "load":
                image_load.load(arguments.images)
            case "engine":
                engine.tell()
            case "tools":
                for path in tools.ensure_all(arguments.names).values():
                    print(path)
            case "bases":
                base_images.ensure()


def main(arguments: Sequence[str]) -> int:
    try:
        _carry_out(_parser().parse_args(arguments))
    except (ClusterError, OSError) as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("stopped; run the same command again to go on from here")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
