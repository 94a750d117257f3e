"""What a user of the cluster tooling can do something about."""

from __future__ import annotations


class ClusterError(Exception):
    """Says what is wrong, with which value, and the way out."""
