"""Typed values of the charts and the printers that turn them into files."""
