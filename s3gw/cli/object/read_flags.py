"""Flags of commands that read objects."""

from __future__ import annotations

import re
from dataclasses import dataclass

from s3gw.cli.parameters import option, repeated
from s3gw.client.objects import ObjectRead

_RANGE = re.compile(r"\d+-\d*|-\d+")


def _read_range(text: str) -> str:
    if not _RANGE.fullmatch(text):
        raise ValueError(f"{text!r}: must be FIRST-LAST, FIRST- or -COUNT")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFlags:
    range: str = option(
        "FIRST-LAST",
        read=_read_range,
        default="",
        help="only these bytes: 0-99, 100- or, from the end, --range=-100",
    )
    archpath: str = option("MEMBER", default="", help="a member, if the object is an archive")

    etl: tuple[str, ...] = repeated(
        "ETL", help="transformed by this transformer; may be repeated, for one after the other"
    )
    etl_args: str = option("TEXT", default="", help="arguments for the transformers")

    @property
    def object_read(self) -> ObjectRead:
        return ObjectRead(
            range=self.range, member=self.archpath, etls=self.etl, etl_args=self.etl_args
        )
