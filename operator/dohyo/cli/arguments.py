"""Single words of the command line, each refused where it is written when it makes no sense."""

from __future__ import annotations

import math
import re
from argparse import ArgumentTypeError
from typing import Final

from dohyo.api.names import DNS_LABEL, NO_NAMESPACE, is_namespace

# They would lead to another place of an API.
_NOT_IN_NAMES: Final = re.compile(r"[/?#%\s]")
_RUN: Final = re.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_REPOSITORY: Final = "[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*"
_IMAGE: Final = re.compile(
    rf"([A-Za-z0-9.-]+(:[0-9]+)?/)?{_REPOSITORY}(/{_REPOSITORY})*"
    "(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[a-f0-9]{64})?"
)
_DOMAIN: Final = re.compile(f"{DNS_LABEL}([.]{DNS_LABEL})*")


def file(text: str) -> str:
    """A file's name, or `-`."""
    if not text:
        raise ArgumentTypeError("'' names no file")
    return text


def name(text: str) -> str:
    """The name of an object; whether there is one is another question."""
    if not text or _NOT_IN_NAMES.search(text):
        raise ArgumentTypeError(f"{text!r} is no name; `dohyo get` lists those that there are")
    return text


def namespace(text: str) -> str:
    """The name of a namespace."""
    if not is_namespace(text):
        raise ArgumentTypeError(f"{text!r} {'; '.join(NO_NAMESPACE)}")
    return text


def domain(text: str) -> str:
    """The domain of a cluster's names."""
    if not _DOMAIN.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} is no domain; write for instance cluster.local")
    return text


def image(text: str) -> str:
    """The reference of an image."""
    if not _IMAGE.fullmatch(text):
        raise ArgumentTypeError(
            f"{text!r} is no image; write for instance registry.example/model:v12"
        )
    return text


def run(text: str) -> str:
    """The name of a run, which is that of its folder as well."""
    if not _RUN.fullmatch(text):
        raise ArgumentTypeError(
            f"{text!r} names no run; use letters, digits, '-', '_' and '.', a letter or digit first"
        )
    return text


def seconds(text: str) -> float:
    """A time that somebody waits."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise ArgumentTypeError(f"{text!r} is no number of seconds; write for instance 30")
    return number


def processes(text: str) -> int:
    """How many processes run at a time."""
    if not (text.isdecimal() and int(text) >= 1):
        raise ArgumentTypeError(f"{text!r} is no number of processes; choose at least 1")
    return int(text)
