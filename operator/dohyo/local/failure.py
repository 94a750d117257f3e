"""What keeps a ring from running, in one line."""

from __future__ import annotations


class RingError(Exception):
    """Says what is wrong, with which value, and the way out."""
