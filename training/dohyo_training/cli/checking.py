"""`dohyo train check CONFIG`: what is wrong with it, without training."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dohyo_training.config import load

if TYPE_CHECKING:
    from argparse import Namespace


def run(arguments: Namespace) -> int:
    """Prints a summary; complains about every fault with line and field."""
    config = load(arguments.config)
    models = ", ".join(model.name for model in config.models)
    sources = ", ".join(source.name for source in config.data.sources)
    print(f"{arguments.config}: fine; predicts {config.task.target} from {sources} by {models}")
    if arguments.data:
        from dohyo_training.analyse import analyse  # noqa: PLC0415 - heavy, and seldom asked for
        from dohyo_training.gather import gather  # noqa: PLC0415

        table = gather(config, base=arguments.config.resolve().parent, now=datetime.now(UTC))
        quiet = config.analysis.model_copy(update={"table_report": False})
        found = analyse(table, config.model_copy(update={"analysis": quiet}))
        for sheet in table.sheets:
            for check in sheet.checks:
                if check.passed is False:
                    print(f"{sheet.source}: {check.what}: {check.measured} ({check.declared})")
        for sentence in found.sentences:
            print(sentence)
    return 0
