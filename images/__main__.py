"""`python -m images VERB` from the repository's root: build, list, lock, samples or training."""

from __future__ import annotations

import sys

from cluster.errors import ClusterError
from images import samples
from images.build import all_images, build_all, build_training
from images.locking import write_locks

VERBS = {
    "build": build_all,
    "list": lambda: print("\n".join(all_images())),
    "lock": write_locks,
    "samples": samples.ensure,
    "training": build_training,
}


def main() -> None:
    verb = sys.argv[1] if len(sys.argv) == 2 else ""
    if verb not in VERBS:
        sys.exit(f"python -m images: give one of {', '.join(VERBS)}")
    try:
        VERBS[verb]()
    except ClusterError as error:
        sys.exit(f"images: {error}")


if __name__ == "__main__":
    main()
