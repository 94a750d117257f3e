"""Sources → one table, with a data sheet for each source."""

from dohyo_training.gather.gathering import gather

__all__ = ["gather"]
