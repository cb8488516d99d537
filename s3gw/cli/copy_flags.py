"""Flags of commands that copy many objects."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.parameters import option, switch
from s3gw.client.buckets import CopyOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyFlags:
    prepend: str = option("TEXT", default="", help="what the names of the copies begin with")
    dry_run: bool = switch(help="count, and copy nothing")
    force: bool = switch(help="even where another job forbids it")
    latest: bool = switch(help="of cloud buckets, copy the newest versions of the cloud")
    sync: bool = switch(help="also remove objects that the source no longer has")
    continue_on_error: bool = switch(help="skip objects that cannot be copied")
    workers: int = option("N", read=int, default=0, help="how many are copied at once")

    def orders(self, prefix: str = "") -> CopyOptions:
        return CopyOptions(
            prefix=prefix,
            prepend=self.prepend,
            dry_run=self.dry_run,
            force=self.force,
            latest=self.latest,
            sync=self.sync,
            continue_on_error=self.continue_on_error,
            workers=self.workers,
        )
