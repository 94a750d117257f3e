"""What keeps a bento from being served, in one line."""

from __future__ import annotations


class ServingError(Exception):
    """Says what is wrong, with which value, and the way out."""


def brief(error: BaseException) -> str:
    """An exception in one line: its kind, its words, and the last place in the bento's code."""
    words = " ".join(str(error).split()) or "no message"
    place = ""
    traceback = error.__traceback__
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if "site-packages" not in file and "/lib/python" not in file and not file.startswith("<"):
            place = f" (at {file}:{traceback.tb_lineno})"
        traceback = traceback.tb_next
    return f"{type(error).__name__}: {words}{place}"
