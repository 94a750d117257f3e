"""The service's environment → typed settings; every mistake is named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from dohyo.contract import logs
from dohyo.contract.environment import Environment, VariableError
from dohyo.contract.evidence import EVIDENCE_PORT

if TYPE_CHECKING:
    from collections.abc import Mapping

_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_DAY: Final = 86_400.0


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
        VariableError: one of them cannot be used.
    """
    get = Environment(environment)
    keys = get.text("DOHYO_KEYS_FOLDER", "")
    return Settings(
        database=_database(get.text("DOHYO_DATABASE_URL", "sqlite:///dohyo-evidence.db")),
        keys=Path(keys) if keys else None,
        port=int(get.amount("DOHYO_EVIDENCE_PORT", EVIDENCE_PORT)),
        host=get.text("DOHYO_EVIDENCE_HOST", "0.0.0.0"),  # noqa: S104
        retention_seconds=get.amount("DOHYO_RETENTION_DAYS", 30) * _DAY,
        score_seconds=get.seconds("DOHYO_SCORE_SECONDS", 5),
        catch_up_seconds=get.seconds("DOHYO_CATCH_UP_SECONDS", 45),
        grace_seconds=get.seconds("DOHYO_GRACE_SECONDS", 60),
        drift_seconds=max(1.0, get.seconds("DOHYO_DRIFT_WINDOW_SECONDS", 3_600)),
        most_batches=int(get.amount("DOHYO_MOST_BATCHES", 64)),
        most_bytes=int(get.amount("DOHYO_MOST_BYTES", 4 * 2**20)),
        most_rows=int(get.amount("DOHYO_MOST_ROWS", 5_000)),
        feedback_token=get.flag("DOHYO_FEEDBACK_TOKEN", default=False),
        log_level=get.choice("DOHYO_LOG_LEVEL", logs.LEVELS, "info"),
    )


def _database(text: str) -> str:
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise VariableError(
            "DOHYO_DATABASE_URL: is no URL; write sqlite:////path/file.db or "
            "postgresql://user:password@host/name"
        ) from error
    kind = url.get_backend_name()
    if kind not in _DRIVERS:
        raise VariableError(
            f"DOHYO_DATABASE_URL: {kind} is not supported; use sqlite or postgresql"
        )
    return url.set(drivername=_DRIVERS[kind]).render_as_string(hide_password=False)
