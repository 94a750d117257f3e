"""The service's environment → typed settings; every mistake is named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from dohyo.contract.evidence import EVIDENCE_PORT

if TYPE_CHECKING:
    from collections.abc import Mapping

_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_DAY: Final = 86_400.0


class SettingsError(Exception):
    """A variable of the environment is missing or unusable."""


@dataclass(frozen=True)
class Settings:
    """How this service is to work.

    Attributes:
        database: URL of SQLAlchemy, with an asynchronous driver.
        keys: folder of the master keys that prediction ids are signed with; None refuses all
            feedback and records as forged.
        port: of all pages.
        host: that they are served on.
        retention_seconds: how long anything is kept that is no open trial's.
        score_seconds: between two looks at what has settled.
        catch_up_seconds: how long nothing is settled after a start or an outage. Pods send what
            they kept when they next try, each at its own time; whoever comes first must not look
            like the only one. Longer than their longest pause.
        grace_seconds: how long after its end a window waits for records that are under way.
        drift_seconds: length of the closed windows that drift is looked for in.
        most_batches: batches at work at once; further ones are told to come back.
        most_bytes: of one request's body.
        most_rows: of one batch.
        feedback_token: whether feedback needs the bearer token of its namespace.
        log_level: debug, info, warning or error.
    """

    database: str
    keys: Path | None
    port: int
    host: str
    retention_seconds: float
    score_seconds: float
    catch_up_seconds: float
    grace_seconds: float
    drift_seconds: float
    most_batches: int
    most_bytes: int
    most_rows: int
    feedback_token: bool
    log_level: str


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Reads the variables whose names start with DOHYO_.

    Raises:
        SettingsError: one of them cannot be used.
    """
    get = _Reader(environment)
    keys = get.text("DOHYO_KEYS_FOLDER", "")
    return Settings(
        database=_database(get.text("DOHYO_DATABASE_URL", "sqlite:///dohyo-evidence.db")),
        keys=Path(keys) if keys else None,
        port=int(get.number("DOHYO_EVIDENCE_PORT", EVIDENCE_PORT)),
        host=get.text("DOHYO_EVIDENCE_HOST", "0.0.0.0"),  # noqa: S104
        retention_seconds=get.number("DOHYO_RETENTION_DAYS", 30) * _DAY,
        score_seconds=get.number("DOHYO_SCORE_SECONDS", 5),
        catch_up_seconds=get.number("DOHYO_CATCH_UP_SECONDS", 45),
        grace_seconds=get.number("DOHYO_GRACE_SECONDS", 60),
        drift_seconds=max(1.0, get.number("DOHYO_DRIFT_WINDOW_SECONDS", 3_600)),
        most_batches=int(get.number("DOHYO_MOST_BATCHES", 64)),
        most_bytes=int(get.number("DOHYO_MOST_BYTES", 4 * 2**20)),
        most_rows=int(get.number("DOHYO_MOST_ROWS", 5_000)),
        feedback_token=get.flag("DOHYO_FEEDBACK_TOKEN", default=False),
        log_level=get.text("DOHYO_LOG_LEVEL", "info").lower(),
    )


def _database(text: str) -> str:
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise SettingsError(
            "DOHYO_DATABASE_URL: is no URL; write sqlite:////path/file.db or "
            "postgresql://user:password@host/name"
        ) from error
    kind = url.get_backend_name()
    if kind not in _DRIVERS:
        raise SettingsError(
            f"DOHYO_DATABASE_URL: {kind} is not supported; use sqlite or postgresql"
        )
    return url.set(drivername=_DRIVERS[kind]).render_as_string(hide_password=False)


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str, default: str) -> str:
        return self._environment.get(name, "").strip() or default

    def number(self, name: str, default: float) -> float:
        text = self.text(name, str(default))
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            raise SettingsError(f"{name}: {text!r} must be a number from 0 on")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        text = self.text(name, "true" if default else "false").lower()
        if text not in ("true", "false", "1", "0", "yes", "no"):
            raise SettingsError(f"{name}: {text!r} must be true or false")
        return text in ("true", "1", "yes")
