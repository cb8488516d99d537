"""`s3gw job download`"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from s3gw.cli.arguments import FILE, PLACE
from s3gw.cli.connection import connect
from s3gw.cli.job_wait import JobOptions, follow
from s3gw.cli.parameters import argument, arguments, option
from s3gw.cli.parsing import Command, Misused
from s3gw.client.downloads import DownloadOptions, start_download
from s3gw.client.names import ObjectName, read_place

_EXAMPLES = """\
  s3gw job download https://example.com/data/images.tar ais://shards
  s3gw job download 'https://example.com/data/{000..099}.tar' ais://shards/raw/
  s3gw job download https://example.com/a.tar https://example.com/b.tar ais://shards/raw/
  s3gw job download gs://public/a.tar ais://shards/renamed.tar --no-wait
  s3gw job download https://example.com/private.tar ais://shards --headers headers.txt
  s3gw job download 'https://example.com/{000..099}.png' ais://small/ --etl thumbnail

The server fetches, under its rules about addresses. What is in the bucket already and has not
changed is not fetched again. An existing bucket of a cloud is filled by `s3gw object prefetch`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(JobOptions):
    links: tuple[str, ...] = arguments("LINK")
    place: ObjectName = argument(PLACE, read=read_place)
    description: str = option("TEXT", default="", help="shown with the job")
    connections: int = option("N", read=int, default=0, help="so many at once")
    bytes_per_hour: int = option("BYTES", read=int, default=0, help="not more than that")
    object_timeout: str = option("TIME", default="", help="for each object, such as 90s")
    headers: str = option(
        FILE,
        default="",
        help="with headers to send, one `NAME: VALUE` a line, such as Authorization",
    )
    etl: str = option("ETL", default="", help="transformed by this transformer")
    etl_args: str = option("TEXT", default="", help="arguments for the transformer")


def run(options: Options) -> int:
    many = len(options.links) > 1 or "{" in options.links[0]
    if len(options.links) > 1 and any("{" in link for link in options.links):
        raise Misused("A link with a range, {0..9}, is the only one of a job.")
    if many and options.place.key and not options.place.key.endswith("/"):
        raise Misused(f"{options.place.key}: many objects need a folder, with a slash at its end.")
    how = DownloadOptions(
        options.description,
        options.connections,
        options.bytes_per_hour,
        options.object_timeout,
        _headers_in(options.headers),
        options.etl,
        options.etl_args,
    )
    with connect(options) as client:
        job_id = client.call(start_download(options.links, options.place, how))
        return follow(client, options, job_id, f"Downloaded into {options.place.bck}")


def _headers_in(file: str) -> dict[str, str]:
    """Read a file of headers. Raise `Misused`."""
    if not file:
        return {}
    try:
        lines = Path(file).read_text().splitlines()
    except OSError as error:
        raise Misused(f"{file}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Misused(f"{file}: it is not a text.") from None
    pairs = [line.partition(":") for line in lines if line.strip()]
    if not all(name.strip() and colon for name, colon, _ in pairs):
        raise Misused(f"{file}: a line must be `NAME: VALUE`.")
    return {name.strip(): value.strip() for name, _, value in pairs}


COMMAND = Command(Options, run, _EXAMPLES)
