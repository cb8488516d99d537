"""External key maps: the output shards of records.

    {"shard-cats-%d": ["cat_[0-9]+\\.txt", "lion.txt"]}         JSON
    cat_0.txt<TAB>shard-cats-%d                                  a line for each key

A key is a regular expression of RE2 that is found in the record's key. A key that is the record's
key itself comes first, so that long lists of names are looked up and not searched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import re2

from cluster.jobs.job_run import JobFailed
from cluster.jobs.template import BadTemplate, Template, read_counting

# Of the whole map.
MAX_BYTES = 64 << 20
# So many expressions become one automaton: more would not fit into its memory.
_TOGETHER = 2000
_AUTOMATON_BYTES = 64 << 20
_SPECIAL = frozenset("\\^$|?*+()[]{}")
_MOST_TEMPLATES = 100_000

_DECODER = msgspec.json.Decoder(dict[str, list[str]])


class KeyMap:
    """`templates` are those of the shards' names; `find` returns the number of one."""

    def __init__(self, templates: list[Template], keys: dict[str, int]) -> None:
        self.templates = templates
        self._exact = keys
        self._numbers = list(keys.values())
        self._automata: list[Any] | None = None

    def find(self, key: str) -> int:
        """Raise `KeyError` with a text for a key that no expression matches, or several."""
        number = self._exact.get(key)
        if number is not None:
            return number
        if self._automata is None:
            # Most maps have names only, and never need them.
            self._automata = _automata(list(self._exact))
        text, found = key.encode("utf-8", "replace"), list[int]()
        for at, automaton in enumerate(self._automata):
            found += (at * _TOGETHER + each for each in automaton.Match(text) or ())
            if len(found) > 1:
                raise KeyError("multiple matches found")
        if not found:
            raise KeyError("no match found")
        return self._numbers[found[0]]


def read_key_map(
    text: bytes, *, is_json: bool, separator: str, malformed: Callable[[str], None]
) -> KeyMap:
    """Parse a map; `malformed` is called for a line that is not a key and a template. Raise
    `JobFailed`, and what `malformed` does."""
    numbers: dict[str, int] = {}
    templates: list[Template] = []
    keys: dict[str, int] = {}
    for key, template in _pairs(text, is_json, separator, malformed):
        if key in keys:
            raise JobFailed(f"the external key map has the key {key[:128]!r} twice")
        if not _SPECIAL.isdisjoint(key):
            _check(key)
        number = numbers.get(template)
        if number is None:
            if len(numbers) >= _MOST_TEMPLATES:
                raise JobFailed(f"the external key map has more than {_MOST_TEMPLATES} templates")
            number = numbers[template] = len(templates)
            templates.append(_template(template))
        keys[key] = number
    return KeyMap(templates, keys)


def _pairs(
    text: bytes, is_json: bool, separator: str, malformed: Callable[[str], None]
) -> Iterable[tuple[str, str]]:
    try:
        sent = _DECODER.decode(text)
    except msgspec.DecodeError:
        if is_json:
            raise JobFailed("the external key map is not JSON, as its name says") from None
    else:
        for template, keys in sent.items():
            for key in keys:
                yield key, template
        return
    for number, raw in enumerate(text.decode("utf-8", "replace").splitlines()):
        line = raw.strip()
        if not line:
            continue
        parts = line.split(separator)
        if len(parts) != 2:
            malformed(f"malformed line ({number}) in external key map: {line[:128]}")
            continue
        yield parts[0], parts[1]


def _template(text: str) -> Template:
    try:
        template = read_counting(text)
    except BadTemplate as error:
        raise JobFailed(f"the external key map has the template {text[:128]!r}: {error}") from None
    if template is None:
        raise JobFailed(
            f"the external key map has the template {text[:128]!r} without a range, like %d"
        )
    return template


def _check(key: str) -> None:
    try:
        re2.compile(key.encode(), _options())
    except re2.error as error:
        raise JobFailed(
            f"the external key map has the key {key[:128]!r}, which is not a regular expression "
            f"of RE2: {error}"
        ) from None


def _automata(keys: list[str]) -> list[Any]:
    """Return automata that find the expressions, of `_TOGETHER` keys each."""
    made = []
    for begin in range(0, len(keys), _TOGETHER):
        automaton = re2.Set.SearchSet(_options())
        for key in keys[begin : begin + _TOGETHER]:
            automaton.Add(key.encode())
        try:
            automaton.Compile()
        except re2.error:
            raise JobFailed("the external key map has too long keys") from None
        made.append(automaton)
    return made


def _options() -> Any:
    options = re2.Options()
    options.max_mem = _AUTOMATON_BYTES
    options.log_errors = False
    return options
