"""`s3gw cluster attach`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import ALIAS
from s3gw.cli.cluster.remote import print_clusters
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import argument, arguments
from s3gw.cli.parsing import Command
from s3gw.client.remote import attach_cluster, remote_clusters

_EXAMPLES = """\
  s3gw cluster attach far http://far.example.com:8080
  s3gw cluster attach far http://far-1.example.com:8080 http://far-2.example.com:8080
  s3gw bucket ls --cluster far

Its buckets are then ais://@far/BUCKET. Several URLs are tried in order; more can be added later.
The cluster need not answer yet. The server must have been started with --backend ais."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    alias: str = argument(ALIAS)
    urls: tuple[str, ...] = arguments("URL")


def run(options: Options) -> int:
    with connect(options) as client:
        client.call(attach_cluster(options.alias, options.urls))
        clusters = client.call(remote_clusters())
    print_clusters([each for each in clusters if each.alias == options.alias], json=options.json)
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
