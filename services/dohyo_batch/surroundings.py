"""Which environment a place is opened with: the output may have credentials of its own."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from dohyo.contract.batch import OUTPUT_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OF_STORES: Final = ("AWS_", "GOOGLE_")


def of_output(environ: Mapping[str, str]) -> Mapping[str, str]:
    """What the output is written with.

    As soon as one variable is the output's own, none of a store's comes from elsewhere: a key of
    one store with the token or the endpoint of another would open neither.
    """
    own = {
        name.removeprefix(OUTPUT_PREFIX): value
        for name, value in environ.items()
        if name.startswith(OUTPUT_PREFIX)
    }
    return {**_others(environ), **own} if own else environ


@contextmanager
def surrounded(environ: Mapping[str, str]) -> Iterator[None]:
    """The process's environment as it is to be while a store's client is made, which reads it."""
    wanted, present = _of_stores(environ), _of_stores(os.environ)
    _exchange(present, wanted)
    try:
        yield
    finally:
        _exchange(wanted, present)


def _exchange(old: Mapping[str, str], new: Mapping[str, str]) -> None:
    for name in old.keys() - new.keys():
        del os.environ[name]
    os.environ.update(new)


def _of_stores(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(_OF_STORES)}


def _others(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith(_OF_STORES)}
