"""What keeps a bento from being fetched, in one line."""

from __future__ import annotations


class FetchError(Exception):
    """Says which address, what is wrong with it, and the way out.

    Trying again changes nothing.
    """


class TemporaryError(FetchError):
    """The same may go well in a moment.

    Attributes:
        wait_seconds: what the server asked for; None when it said nothing.
    """

    def __init__(self, words: str, wait_seconds: float | None = None) -> None:
        super().__init__(words)
        self.wait_seconds = wait_seconds
