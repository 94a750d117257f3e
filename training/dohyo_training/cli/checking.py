"""`dohyo train check CONFIG`: what is wrong with it, without training."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dohyo_training.config import load

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from dohyo_training.config import RunConfig


def run(arguments: Namespace) -> int:
    """Prints a summary; complains about every fault with line and field."""
    config = load(arguments.config)
    if arguments.data:
        _look_at_data(config, arguments.config.resolve().parent)
    models = ", ".join(model.name for model in config.models)
    sources = ", ".join(source.name for source in config.data.sources)
    print(f"{arguments.config}: fine; predicts {config.task.target} from {sources} by {models}")
    return 0


def _look_at_data(config: RunConfig, base: Path) -> None:
    """Prints what a run would say of the rows before it trains; complains where it would stop."""
    from dohyo_training.analyse import analyse  # noqa: PLC0415 - heavy, and seldom asked for
    from dohyo_training.gather import gather  # noqa: PLC0415

    table = gather(config, base=base, now=datetime.now(UTC))
    quiet = config.analysis.model_copy(update={"table_report": False})
    found = analyse(table, config.model_copy(update={"analysis": quiet}))
    for sheet in table.sheets:
        for check in sheet.checks:
            if check.passed is False:
                print(f"{sheet.source}: {check.what}: {check.measured} ({check.declared})")
    for sentence in found.sentences:
        print(sentence)
