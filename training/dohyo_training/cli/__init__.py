"""`dohyo train` and `dohyo simulate`, as the program `dohyo-train`."""

from dohyo_training.cli.program import main

__all__ = ["main"]
