"""ModelDeployments read from a file, with what is wrong in them and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dohyo.api.batch_resource import check_batch
from dohyo.api.guessing import nearest
from dohyo.api.resource import parse_status
from dohyo.api.unsupported import unsupported_fields
from dohyo.api.validation import check, name_bindings
from dohyo.api.violations import Violation
from dohyo.cli.complaint import Complaint
from dohyo.cli.documents import Document, Unreadable, documents, text_of
from dohyo.cli.forecast import out_of_reach
from dohyo.contract import API_VERSION, BATCH_KIND, GROUP, KIND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dohyo.cli.ground import Ground


@dataclass(frozen=True)
class Remark:
    """One thing to say about a file.

    Attributes:
        file: as the user named it.
        line: counted from 1.
        level: error or warning.
        resource: the ModelDeployment's name, or empty.
        violation: what is to be said.
    """

    file: str
    line: int
    level: str
    resource: str
    violation: Violation

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.level}: {self.violation}"

    def as_raw(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "file": self.file,
            "line": self.line,
            "level": self.level,
            "resource": self.resource,
            "path": self.violation.path,
            "value": self.violation.value,
            "message": self.violation.message,
            "wayOut": self.violation.way_out,
            "rule": self.violation.rule,
        }


@dataclass(frozen=True)
class Reading:
    """What some files hold.

    Attributes:
        resources: raw ModelDeployments, valid or not.
        remarks: in the order of the files and their lines.
        others: how many documents are something else.
        batches: raw BatchPredictions, valid or not.
    """

    resources: tuple[dict[str, Any], ...]
    remarks: tuple[Remark, ...]
    others: int
    batches: tuple[dict[str, Any], ...] = ()

    @property
    def errors(self) -> tuple[Remark, ...]:
        return tuple(r for r in self.remarks if r.level == "error")


def read(
    files: Iterable[str],
    *,
    allow_host_access: bool = False,
    per_second: float | None = None,
    ground: Ground | None = None,
) -> Reading:
    """Reads and checks files.

    Args:
        files: paths; ``-`` is standard input.
        allow_host_access: see `dohyo.api.pod_templates`.
        per_second: requests that the model gets, to warn of gates that cannot be answered.
        ground: where they are to run, when that is this machine; resources come back as it
            admits them.

    Raises:
        Complaint: a file cannot be read, or no file holds a ModelDeployment.
    """
    resources: list[dict[str, Any]] = []
    batches: list[dict[str, Any]] = []
    remarks: list[Remark] = []
    others = 0
    names = list(files)
    seen, seen_batches = _Seen(), _Seen()
    for file in names:
        if ground is None:
            # Files for clusters may be alternatives; those of one ring are all of what it runs.
            seen, seen_batches = _Seen(), _Seen()
        for document in _documents(file, remarks):
            if not _is_ours(document):
                others += 1
                continue
            if _is_batch(document):
                remarks += _batch_remarks(document, seen_batches, allow_host_access)
                batches.append(document.value)
                continue
            value, found = document.value, list[Violation]()
            if ground is not None and isinstance(value, dict):
                value, found = ground.admit(value, Path(file).absolute().parent)
            look = _Look(document, value, tuple(found), ground, per_second, allow_host_access)
            remarks += _remarks(look, seen)
            if isinstance(value, dict):
                resources.append(value)
    if not resources and not batches and not remarks:
        raise Complaint(f"no {KIND} in {', '.join(names)}")
    return Reading(tuple(resources), tuple(remarks), others, tuple(batches))


def _documents(file: str, remarks: list[Remark]) -> Iterator[Document]:
    try:
        yield from documents(text_of(file), file)
    except Unreadable as error:
        violation = Violation("", None, str(error), error.way_out)
        remarks.append(Remark(file, error.line or 1, "error", "", violation))


def _is_ours(document: Document) -> bool:
    """Whether it is a ModelDeployment, or wants to be one."""
    value = document.value
    if not isinstance(value, dict):
        return True
    api_version, kind = str(value.get("apiVersion", "")), str(value.get("kind", ""))
    group = api_version.partition("/")[0]
    return group == GROUP or kind == KIND or not api_version or not kind


def _is_batch(document: Document) -> bool:
    return isinstance(document.value, dict) and document.value.get("kind") == BATCH_KIND


class _Seen:
    """Names that earlier documents have used, and in which file and line."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], tuple[str, int]] = {}

    def again(self, document: Document, metadata: dict[str, Any]) -> Iterator[Violation]:
        """Whether the document's name is one of them; it is from now on."""
        key = (str(metadata.get("namespace", "")), str(metadata.get("name", "")))
        if key in self._places and key[1]:
            file, line = self._places[key]
            where = "" if file == document.file else f", in {file}:{line}"
            words = f"has been used above{where}"
            yield Violation("metadata.name", key[1], words, "only the last one would stay")
        self._places[key] = document.file, document.line_of("metadata.name")


def _batch_remarks(document: Document, seen: _Seen, allow_host_access: bool) -> Iterator[Remark]:
    value = document.value
    metadata = value.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    name = str(metadata.get("name", ""))
    checked = check_batch(value, allow_host_access=allow_host_access)
    errors = [
        *_headed(value, BATCH_KIND),
        *seen.again(document, metadata),
        *checked.unknown,
        *checked.refused,
    ]
    remarks = [*_twice(document, name), *(_remark(document, name, "error", v) for v in errors)]
    yield from sorted(remarks, key=lambda remark: remark.line)


@dataclass(frozen=True)
class _Look:
    """A document, what becomes of it where it is to run, and what is wrong with that."""

    document: Document
    value: Any
    found: tuple[Violation, ...]
    ground: Ground | None
    per_second: float | None
    allow_host_access: bool


def _remarks(look: _Look, seen: _Seen) -> Iterator[Remark]:
    document, value = look.document, look.value
    if not isinstance(value, dict):
        yield _remark(document, "", "error", Violation("", value, f"is no {KIND}"))
        return
    metadata = value.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    name = str(metadata.get("name", ""))
    errors = [*_headed(value), *seen.again(document, metadata), *look.found]
    before = look.ground.present(value) if look.ground is not None else None
    checked = check(value, before, allow_host_access=look.allow_host_access)
    # A version whose bento is missing has no image either, which is not the user's mistake.
    places = tuple(v.path.rpartition(".")[0] for v in look.found)
    errors += [*checked.unknown, *(v for v in checked.refused if v.path not in places)]
    if checked.spec is not None and before is not None:
        errors += name_bindings(checked.spec, parse_status(before))
    warnings: list[Violation] = []
    if isinstance(value.get("spec"), dict):
        warnings += unsupported_fields(value["spec"])
    if checked.spec is not None and look.per_second is not None:
        warnings += out_of_reach(checked.spec, look.per_second)
    remarks = [
        *_twice(document, name),
        *(_remark(document, name, "error", v) for v in errors),
        *(_remark(document, name, "warning", v) for v in warnings),
    ]
    yield from sorted(remarks, key=lambda remark: remark.line)


def _headed(value: dict[str, Any], kind: str = KIND) -> Iterator[Violation]:
    """What is wrong with apiVersion and kind."""
    for field, right in (("apiVersion", API_VERSION), ("kind", kind)):
        given = value.get(field)
        if given is None:
            yield Violation(field, None, "is missing", f"write {field}: {right}")
        elif given != right:
            hint = "did you mean" if nearest(str(given), [right]) else "write"
            yield Violation(field, given, "is unknown", f"{hint} {right}")


def _twice(document: Document, name: str) -> Iterator[Remark]:
    for path, line in document.repeated.items():
        twice = Violation(path, None, "stands twice", "remove one of them")
        yield Remark(document.file, line, "error", name, twice)


def _remark(document: Document, name: str, level: str, violation: Violation) -> Remark:
    line = document.line_of(violation.path)
    return Remark(document.file, line, level, name, violation)
