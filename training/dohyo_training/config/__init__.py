"""The configuration of a training run: typed sections, and their reading from YAML."""

from dohyo_training.config.building import DEFAULT_MODELS, Metric, ModelChoice, ModelName
from dohyo_training.config.columns import Column, DatePart, Derived
from dohyo_training.config.reading import ConfigError, Fault, load, parse
from dohyo_training.config.run import RunConfig

__all__ = [
    "DEFAULT_MODELS",
    "Column",
    "ConfigError",
    "DatePart",
    "Derived",
    "Fault",
    "Metric",
    "ModelChoice",
    "ModelName",
    "RunConfig",
    "load",
    "parse",
]
