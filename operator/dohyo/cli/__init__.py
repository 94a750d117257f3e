"""`dohyo`, also `kubectl dohyo`: look at files and at a cluster's ModelDeployments."""

from dohyo.cli.program import main

__all__ = ["main"]
