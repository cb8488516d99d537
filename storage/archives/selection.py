"""Selection of members by name, in the five ways that AIStore has.

Regular expressions come from untrusted clients, so they are RE2's: matching takes time proportional
to the name whatever the expression is, and what RE2 cannot match so (look-ahead, back-references)
is refused. It is also the language of AIStore's own clients.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import re2

from storage.archives.member import plain
from storage.errors import StorageError

MAX_EXPRESSION = 1024
_MAX_MEMORY = 1 << 20


class BadSelection(StorageError):
    """The mode or the expression of a selection is invalid; the text says why."""


class Mode(Enum):
    REGEXP = "regexp"
    PREFIX = "prefix"
    SUFFIX = "suffix"
    SUBSTRING = "substr"
    WDSKEY = "wdskey"


class Selection:
    """The wanted members: `takes` decides by name. Raises `BadSelection`."""

    def __init__(self, mode: Mode, wanted: str) -> None:
        if len(wanted) > MAX_EXPRESSION:
            raise BadSelection(f"a selection has at most {MAX_EXPRESSION} letters")
        self._matches = _matcher(mode, wanted)

    def takes(self, name: str) -> bool:
        return self._matches(plain(name))


def mode_named(text: str) -> Mode:
    """Raises `BadSelection`."""
    try:
        return Mode(text)
    except ValueError:
        known = ", ".join(mode.value for mode in Mode)
        raise BadSelection(
            f"{text!r} is not a way to select members; allowed are {known}"
        ) from None


def webdataset_key(name: str) -> str:
    """What the files of one sample share: the name up to the first dot of its last part."""
    folder, slash, file = name.rpartition("/")
    return folder + slash + file.partition(".")[0]


def _matcher(mode: Mode, wanted: str) -> Callable[[str], bool]:
    match mode:
        case Mode.REGEXP:
            return matching(wanted)
        case Mode.PREFIX:
            return lambda name: name.startswith(plain(wanted))
        case Mode.SUFFIX:
            return lambda name: name.endswith(wanted)
        case Mode.SUBSTRING:
            return lambda name: wanted in name
        case Mode.WDSKEY:
            return lambda name: webdataset_key(name) == plain(wanted)


def matching(wanted: str) -> Callable[[str], bool]:
    """Return whether an expression is found in a text. Raises `BadSelection`."""
    options = re2.Options()
    options.max_mem = _MAX_MEMORY
    options.log_errors = False
    try:
        expression = re2.compile(wanted.encode(), options)
    except (re2.error, UnicodeEncodeError) as error:
        raise BadSelection(f"no regular expression of RE2: {error}") from None
    return lambda name: expression.search(name.encode("utf-8", "replace")) is not None
