"""Parameters of STS actions, and errors about them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

from s3gw.sts.errors import StsCode, StsError
from storage.digits import read_digits

SESSION_NAME = r"[\w+=,.@-]*"
ARN = r"[\t\n\r\x20-\x7E\x85\xA0-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]+"
POLICY = r"[\t\n\r\x20-\xFF]+"

_SHOWN_CHARS = 256
# Parameters of all actions.
_COMMON = frozenset({"Action", "Version"})


class Rule(Struct, frozen=True):
    """A text of `least` to `most` characters, all of it matched by the pattern."""

    least: int
    most: int
    pattern: str = r".*"
    is_secret: bool = False


class Parameters:
    """The parameters of one request, by name; each getter raises `ValidationError`."""

    def __init__(self, sent: Mapping[str, str]) -> None:
        self._sent = sent

    def expect(self, known: Iterable[str]) -> None:
        """Refuse unknown parameters by name: an ignored one could change the meaning."""
        unknown = {name.partition(".")[0] for name in self._sent} - _COMMON - frozenset(known)
        if unknown:
            names = ", ".join(sorted(unknown))
            raise StsError(StsCode.ValidationError, f"Not supported here: {names}.")

    def shown(self, name: str) -> str:
        """Return a parameter for a log, valid or not; empty when it is missing."""
        return self._sent.get(name, "")[:_SHOWN_CHARS]

    def text(self, name: str, rule: Rule) -> str:
        value = self.optional_text(name, rule)
        if value is None:
            raise _invalid("null", name, "Member must not be null")
        return value

    def optional_text(self, name: str, rule: Rule) -> str | None:
        value = self._sent.get(name)
        if value is None:
            return None
        shown = "***" if rule.is_secret else f"'{value[: rule.most]}'"
        if len(value) < rule.least:
            limit = f"Member must have length greater than or equal to {rule.least}"
            raise _invalid(shown, name, limit)
        if len(value) > rule.most:
            limit = f"Member must have length less than or equal to {rule.most}"
            raise _invalid(shown, name, limit)
        if re.fullmatch(rule.pattern, value, re.ASCII | re.DOTALL) is None:
            pattern = f"Member must satisfy regular expression pattern: {rule.pattern}"
            raise _invalid(shown, name, pattern)
        return value

    def seconds(self, name: str, least: int, most: int) -> int | None:
        text = self._sent.get(name)
        if text is None:
            return None
        number = read_digits(text.removeprefix("-"))
        shown = f"'{text[:20]}'"
        if number is None:
            raise _invalid(shown, name, "Member must be an integer")
        if text.startswith("-") or number < least:
            limit = f"Member must have value greater than or equal to {least}"
            raise _invalid(shown, name, limit)
        if number > most:
            raise _invalid(shown, name, f"Member must have value less than or equal to {most}")
        return number


def _invalid(value: str, name: str, constraint: str) -> StsError:
    member = name[0].lower() + name[1:]
    message = (
        f"1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: "
        f"{constraint}"
    )
    return StsError(StsCode.ValidationError, message)
