"""What the data say, and whether they may be learned from."""

from dohyo_training.analyse.analysing import Analysis, analyse

__all__ = ["Analysis", "analyse"]
