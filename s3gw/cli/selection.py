"""Selection of many objects: by prefix, template or list."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from s3gw.cli.arguments import FILE
from s3gw.cli.parameters import option, switch
from s3gw.cli.parsing import Misused
from s3gw.client.names import Bck, ObjectName
from s3gw.client.objects import Selection

TITLE = "many objects of one bucket"
HELP = """\
A template has ranges as in bash: shard-{0001..1000..3}.tar. A list has one name per line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionFlags:
    prefix: str | None = option("TEXT", help="all whose names begin with it", exclusive="objects")
    template: str | None = option(
        "TEXT", help="names with ranges, such as {1..100}", exclusive="objects"
    )
    list: str | None = option(
        FILE, help="names, one per line; - is the standard input", exclusive="objects"
    )
    all: bool = switch(help="the whole bucket", exclusive="objects")

    @property
    def is_given(self) -> bool:
        given = (self.prefix, self.template, self.list)
        return self.all or any(each is not None for each in given)


def selected(flags: SelectionFlags, names: Sequence[ObjectName]) -> tuple[Bck, Selection]:
    """Return the bucket and its objects: those of the flags if there is one, else those that are
    named. Raises `Misused`."""
    buckets = {name.bck for name in names}
    if len(buckets) != 1:
        raise Misused("Name objects of one bucket only.")
    keys = tuple(name.key for name in names)
    if flags.is_given:
        if len(names) > 1 or keys[0]:
            raise Misused(
                "--prefix, --template, --list and --all need the name of the bucket only: "
                f"{names[0].bck}"
            )
        return names[0].bck, _by_flag(flags)
    if not all(keys):
        raise bucket_alone(names[keys.index("")])
    return names[0].bck, Selection(names=keys)


def bucket_alone(place: ObjectName) -> Misused:
    return Misused(
        f"{place} is a bucket: name an object, or add --prefix, --template, --list or --all."
    )


def _by_flag(flags: SelectionFlags) -> Selection:
    if flags.all:
        return Selection(template="")
    if flags.list is not None:
        return Selection(names=_names_in(flags.list))
    if flags.template is not None:
        return Selection(template=_not_empty("--template", flags.template))
    prefix = _not_empty("--prefix", flags.prefix or "")
    if "{" in prefix:
        raise Misused(f"--prefix {prefix!r}: the server reads braces as ranges; use --template.")
    return Selection(template=prefix)


def _not_empty(flag: str, text: str) -> str:
    if not text:
        raise Misused(f"{flag} is empty: --all means the whole bucket.")
    return text


def _names_in(file: str) -> tuple[str, ...]:
    try:
        if file == "-":
            text = sys.stdin.read()
        else:
            with open(file, encoding="utf-8") as opened:
                text = opened.read()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise Misused(f"The list {file} cannot be read: {why}.") from None
    names = tuple(line for line in text.split("\n") if line)
    if not names:
        raise Misused(f"The list {file} is empty.")
    return names
