"""One line for each thing that happened, for people (logfmt) or for machines (JSON)."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from pathlib import Path

Format = Literal["logfmt", "json"]

# What a framework says of its own work, at a level that leaves only what matters.
_QUIET: Final = {
    "kopf": logging.WARNING,
    "aiohttp.access": logging.WARNING,
    "asyncio": logging.ERROR,
}


def set_up(form: Format, level: str, file: Path | None = None) -> None:
    """Sends every record to standard error or to a file, in one form.

    Args:
        form: logfmt or json.
        level: debug, info, warning or error; debug also opens the frameworks' own records.
        file: gets the lines; None is standard error.
    """
    handler = logging.StreamHandler(sys.stderr) if file is None else logging.FileHandler(file)
    handler.setFormatter(_Json() if form == "json" else _Logfmt())
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level.upper())
    if level != "debug":
        for name, quiet in _QUIET.items():
            logging.getLogger(name).setLevel(max(quiet, logging.root.level))


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """What a record says: time, level, where, the message, and which object it is about."""
    found: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "msg": record.getMessage(),
    }
    found |= _about(record)
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        found["error"] = f"{type(error).__name__}: {error}"
        last = traceback.extract_tb(error.__traceback__)[-1:]
        found |= {"at": f"{last[0].filename}:{last[0].lineno}"} if last else {}
    return found


def _about(record: logging.LogRecord) -> dict[str, str]:
    key: str | None = getattr(record, "key", None)
    if key is not None:
        namespace, _, name = key.partition("/")
        return {"namespace": namespace, "name": name}
    # kopf's own way of naming an object.
    reference: dict[str, Any] = getattr(record, "k8s_ref", None) or {}
    named = {k: reference.get(k) for k in ("kind", "namespace", "name")}
    return {k: str(v) for k, v in named.items() if v}


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(fields(record), ensure_ascii=False)


class _Logfmt(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{name}={_quoted(str(value))}" for name, value in fields(record).items())


def _quoted(text: str) -> str:
    plain = bool(text) and all(c.isprintable() and c not in ' "=' for c in text)
    return text if plain else json.dumps(text, ensure_ascii=False)
