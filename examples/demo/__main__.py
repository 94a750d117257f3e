"""`make demo`: a champion, a challenger that really is better or worse, and traffic that knows it.

Without a cluster by default; `make demo CLUSTER=1` does it on one of its own.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from examples.demo.story import BETTER, SATISFACTION, TUMOURS, WORSE

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument("--output", choices=("table", "json"), default="table")
    parser.add_argument("--cluster", action="store_true", help="on the cluster of `make cluster`")
    parser.add_argument("--namespace", default="demo", help="where the model goes, on a cluster")
    parser.add_argument(
        "--story",
        choices=(TUMOURS, SATISFACTION),
        help="on this machine: who is judged (default: tumours; satisfaction trains for minutes)",
    )
    parser.add_argument(
        "--truth",
        choices=(BETTER, WORSE),
        default=BETTER,
        help="what the challenger really is, on this machine (%(default)s)",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        help="of traffic at most, on this machine (default: what the story takes)",
    )
    chosen = parser.parse_args(arguments)
    as_json = chosen.output == "json"
    # Each way brings its own imports: the local one is to answer within seconds.
    if chosen.cluster:
        if chosen.story is not None:
            parser.error("--story: the cluster has one of its own; leave it out, or --cluster")
        from examples.demo import on_cluster  # noqa: PLC0415

        return on_cluster.demonstrate(chosen.namespace, as_json=as_json)
    from examples.demo import on_laptop  # noqa: PLC0415

    bout = on_laptop.Bout(chosen.story or TUMOURS, chosen.truth, chosen.seconds)
    return on_laptop.demonstrate(bout, as_json=as_json)


if __name__ == "__main__":
    sys.exit(main())
