"""`dohyo image`: a thin image of a bento, the runtime image and one layer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from dohyo.cli.complaint import Complaint
from dohyo.cli.image_engine import engine_named
from dohyo.contract import BENTO_FOLDER
from dohyo.local.bentos import BentoError, in_store, store_of

if TYPE_CHECKING:
    from argparse import Namespace

_BENTO_FILE = "bento.yaml"
# What the image is made from says when it was made; the layer of equal files is equal.
_NO_TIME = (0, 0)


class _Bento(NamedTuple):
    tag: str
    folder: Path


def run(arguments: Namespace) -> int:
    """Makes the image, and prints its reference and digest."""
    engine = engine_named(arguments.engine)
    with tempfile.TemporaryDirectory(prefix="dohyo-image-") as work:
        context = Path(work) / "context"
        bento = prepared(arguments.bento, context)
        reference = arguments.tag or bento.tag
        described = _dockerfile(arguments.runtime_image, bento.tag)
        (context / "Dockerfile").write_text(described)
        made = engine.build(context, reference)
        digest = engine.push(reference) if arguments.push else None
    if arguments.output == "json":
        print(json.dumps({"image": reference, "id": made, "digest": digest}, indent=2))
        return 0
    print(reference)
    print(digest or made)
    if digest is None:
        words = (
            f"only in this machine's {engine.name}; with --push it gets a digest that nodes know"
        )
        print(f"dohyo: {words}", file=sys.stderr)
    return 0


def prepared(given: str, context: Path) -> _Bento:
    """Puts a bento into a build's context.

    Args:
        given: a tag of the store, a folder, or an archive of `bentoml export`.
        context: is made.

    Raises:
        Complaint: it is none of these.
    """
    context.mkdir(parents=True)
    path = Path(given).expanduser()
    if not path.exists():
        if os.sep in given or given.startswith("."):
            raise Complaint(f"{given}: nothing is there; name a bento's tag, folder or archive")
        _ensure_stored(given)
        path = _exported(given, context.parent / "exported.bento")
    elif path.is_dir() and not (path / _BENTO_FILE).is_file():
        raise Complaint(f"{given}: no {_BENTO_FILE} in this folder; name a built bento's")
    folder = context / "bento"
    # The same checks as for what a uri leads to.
    command = [sys.executable, "-m", "dohyo_serving.fetch.main"]
    command += [path.resolve().as_uri(), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        words = (done.stderr.strip().splitlines() or ["it cannot be unpacked"])[-1]
        raise Complaint(words.removeprefix("dohyo-fetch: "))
    (context / "bento.fetched").unlink(missing_ok=True)
    for file in (folder, *folder.rglob("*")):
        os.utime(file, _NO_TIME)
    document: Any = yaml.safe_load((folder / _BENTO_FILE).read_text())
    return _Bento(f"{document['name']}:{document['version']}", folder)


def _ensure_stored(tag: str) -> None:
    """Names the tag that was most likely meant; `name` and `name:latest` are BentoML's to read."""
    if ":" in tag and not tag.endswith(":latest"):
        try:
            in_store(store_of(os.environ), tag)
        except BentoError as error:
            raise Complaint(f"{tag} {error}") from None


def _exported(tag: str, archive: Path) -> Path:
    command = [sys.executable, "-m", "bentoml", "export", tag, str(archive)]
    environ = {**os.environ, "BENTOML_DO_NOT_TRACK": "True"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    if "No module named bentoml" in done.stderr:
        raise Complaint(
            f"{tag}: a tag needs BentoML here, to look into its store; "
            "install bentoml, or name the bento's folder or archive"
        )
    if done.returncode != 0:
        words = " ".join(
            (done.stderr.strip().splitlines() or ["it cannot be exported"])[-1].split()
        )
        raise Complaint(f"{tag}: {words}; `bentoml list` shows what the store holds")
    return archive


def _dockerfile(runtime: str, tag: str) -> str:
    return f'FROM {runtime}\nLABEL dev.dohyo.bento="{tag}"\nCOPY bento {BENTO_FOLDER}\n'
