"""Flags that select members of an archive."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.parameters import option
from s3gw.cli.parsing import Misused
from s3gw.client.objects import ObjectRead

TITLE = "several members, as a tar"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFlags:
    regex: str | None = option("TEXT", help="members whose names match", exclusive="members")
    prefix: str | None = option("TEXT", help="members whose names begin so", exclusive="members")
    suffix: str | None = option("TEXT", help="members whose names end so", exclusive="members")
    substr: str | None = option("TEXT", help="members whose names contain it", exclusive="members")
    wdskey: str | None = option(
        "TEXT", help="the files of one WebDataset sample", exclusive="members"
    )
    mime: str = option("FORMAT", default="", help="read it as .tar, .tgz, .zip, .tar.lz4")

    @property
    def pattern(self) -> tuple[str, str] | None:
        """Return AIStore's matching mode and its text, if one is given."""
        texts = {
            "regexp": self.regex,
            "prefix": self.prefix,
            "suffix": self.suffix,
            "substr": self.substr,
            "wdskey": self.wdskey,
        }
        return next(((mode, text) for mode, text in texts.items() if text is not None), None)

    def object_read(self, member: str) -> ObjectRead:
        """Return the read of the member, or of those matched. Raises `Misused` without either."""
        mode, text = self.pattern or ("", "")
        if not (member or mode):
            raise Misused("Name a member, or select several with --regex, --prefix, ...")
        return ObjectRead(member=member, pattern=text, mode=mode, mime=self.mime)
