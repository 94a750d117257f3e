"""The store: a model and a bento, made whole or not at all."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from packaging.requirements import Requirement

from dohyo_form.form import ANSWERS_BY, FOLDER, FORM
from dohyo_training.complaint import Complaint
from dohyo_training.export.gate import PIPELINE_FILE, TRAINING_FOLDER
from dohyo_training.export.persistence import types_in

if TYPE_CHECKING:
    from collections.abc import Mapping

# The parts of this project that answer in a bento, so that its image asks no index for them.
_SOURCES: Final = ("dohyo.contract", "dohyo_form", "dohyo_serving")
_SOURCES_OF_PIPELINES: Final = ("dohyo_training",)
# Of the extra `serving`: what only fetches bentos or builds them, and what the form does without.
_NEVER_NEEDED: Final = frozenset({"bentoml", "obstore"})
_OF_PIPELINES: Final = frozenset({"pandas", "scikit-learn", "skops", "xgboost-cpu"})
# What a pipeline may hold that the extra does not bring.
_ALGORITHMS: Final = ("lightgbm",)
CONTENT_LABEL: Final = "content"


def bentoml_home() -> Path:
    """Where BentoML keeps its store."""
    return Path(os.environ.get("BENTOML_HOME") or Path.home() / "bentoml")


def tag_of(name: str, given: str, content: str) -> str:
    """The tag of the version; a given version that holds other content is refused.

    Raises:
        Complaint: the store has that version, made from other inputs.
    """
    import bentoml  # noqa: PLC0415 - it reads its home once, when it is imported

    tag = f"{name}:{given if given != 'auto' else content[:12]}"
    with suppress(bentoml.exceptions.NotFound):
        found = bentoml.models.get(tag)
        if found.info.labels.get(CONTENT_LABEL) != content[:40]:
            raise Complaint(
                f"output.version: the store has {tag}, made from other inputs; choose another "
                "version, or `auto`"
            )
    return tag


def pack(tag: str, folder: Path, content: str, metadata: Mapping[str, Any]) -> str:
    """Saves a model's folder in the store and builds the bento around it; its tag.

    What stood under the tag, made from the same inputs, is replaced.

    Raises:
        Complaint: BentoML does not build it; with its words.
    """
    import bentoml  # noqa: PLC0415

    labels = {CONTENT_LABEL: content[:40], "project": "dohyo"}
    with suppress(bentoml.exceptions.NotFound):
        bentoml.models.delete(tag)
    context = bentoml.models.ModelContext(
        framework_name="dohyo", framework_versions={"dohyo": version("dohyo")}
    )
    with bentoml.models.create(
        tag, module="dohyo_form", labels=labels, metadata=dict(metadata), context=context
    ) as model:
        shutil.copytree(folder, model.path, dirs_exist_ok=True)
    try:
        if (folder / FOLDER).is_dir():
            return _build(tag, {**labels, ANSWERS_BY: FORM}, None)
        return _build(tag, labels, folder / TRAINING_FOLDER / PIPELINE_FILE)
    except BaseException as error:
        # A model without its bento would hold the version against the next run.
        with suppress(bentoml.exceptions.NotFound):
            bentoml.models.delete(tag)
        if isinstance(error, bentoml.exceptions.BentoMLException):
            raise Complaint(f"{tag}: the bento cannot be built: {error}") from error
        raise


def _build(tag: str, labels: dict[str, str], pipeline: Path | None) -> str:
    """A bento that answers by the model's serving form, or by that pipeline."""
    import bentoml  # noqa: PLC0415

    name, _, of = tag.partition(":")
    with suppress(bentoml.exceptions.NotFound):
        bentoml.bentos.delete(tag)
    with tempfile.TemporaryDirectory() as work:
        _write_sources(Path(work), (*_SOURCES, *(_SOURCES_OF_PIPELINES if pipeline else ())))
        bento = bentoml.bentos.build(
            "service:TrainedModel",
            name=name,
            version=of,
            labels=labels,
            description=f"{tag}, trained and packed by dohyo train.",
            include=["*.py"],
            docker={"base_image": f"python:{_python()}-slim"},
            python={
                "packages": _packages(pipeline),
                # Locking would write the builder's package index, with any credentials.
                "lock_packages": False,
            },
            models=[tag],
            build_ctx=work,
            args={"model": tag},
        )
    return str(bento.tag)


def export_archive(tag: str, file: Path) -> None:
    """Writes a bento of the store to a file, whole or not at all.

    Raises:
        Complaint: the file cannot be written.
    """
    import bentoml  # noqa: PLC0415

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.") as work:
            unfinished = Path(work) / file.name
            bentoml.bentos.export_bento(tag, str(unfinished))
            unfinished.replace(file)
    except OSError as error:
        raise Complaint(f"output.archive: {file} cannot be written: {error.strerror}") from None


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def _packages(pipeline: Path | None) -> list[str]:
    """Requirements of the runtime, pinned to what is installed here.

    Args:
        pipeline: the file of the one that answers itself; None where a serving form does.
    """
    left_out = _NEVER_NEEDED if pipeline else _NEVER_NEEDED | _OF_PIPELINES
    found = {"pydantic": f"pydantic=={version('pydantic')}"}
    for line in requires("dohyo") or ():
        asked = Requirement(line)
        if asked.name in left_out or asked.marker is None:
            continue
        if asked.marker.evaluate({"extra": "serving"}):
            found[asked.name] = f"{asked.name}{_pin(asked)}"
    held = types_in(pipeline) if pipeline else []
    for name in _ALGORITHMS:
        if any(each.startswith(f"{name}.") for each in held):
            found[name] = f"{name}=={version(name)}"
    return [found[name] for name in sorted(found)]


def _pin(asked: Requirement) -> str:
    try:
        return f"=={version(asked.name)}"
    except PackageNotFoundError:
        return str(asked.specifier)


def _write_sources(work: Path, sources: tuple[str, ...]) -> None:
    """The service, and the parts of this project that it was proven with."""
    shutil.copy(Path(__file__).with_name("service.py"), work / "service.py")
    for name in sources:
        # By name: training imports nothing of the runtime.
        found = find_spec(name)
        if found is None or found.origin is None:
            raise Complaint(f"{name} is not installed; install dohyo as a whole")
        target = work.joinpath(*name.split("."))
        shutil.copytree(
            Path(found.origin).parent, target, ignore=shutil.ignore_patterns("__pycache__")
        )
    (work / "dohyo" / "__init__.py").touch()


def folder_of(tag: str, role: str) -> Path:
    """The folder of the model inside a bento of the store; its role is told in a complaint.

    Raises:
        Complaint: there is no such bento, or it was not built by training.
    """
    try:
        import bentoml  # noqa: PLC0415 - it makes its home when it is imported
    except OSError as error:
        raise Complaint(
            f"BENTOML_HOME: {bentoml_home()} cannot be made ({error.strerror}), so there is no "
            f"{role} {tag!r}"
        ) from None
    try:
        bento = bentoml.bentos.get(tag)
    except (bentoml.exceptions.NotFound, bentoml.exceptions.BentoMLException) as error:
        raise Complaint(
            f"{role}: {tag!r} is not in the store; `bentoml list` shows what is there"
        ) from error
    for model in bento.info.all_models:
        with suppress(bentoml.exceptions.NotFound):
            folder = Path(bentoml.models.get(model.tag).path)
            if (folder / "serving-form").is_dir():
                return folder
    raise Complaint(
        f"{role}: {tag} holds no model with a serving form, so it cannot be asked here; "
        "name a bento that `dohyo train` has built"
    )
