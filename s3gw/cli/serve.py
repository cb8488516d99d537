"""`s3gw serve`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.parsing import Command
from s3gw.cli.setting_flags import GivenSettings, setting_flags
from s3gw.server.start import serve

_EXAMPLES = """\
  s3gw serve
  s3gw serve --data /disk1 --data /disk2 --host 0.0.0.0 --port 9000
  s3gw serve --config /etc/s3gw.toml --log-format json
  s3gw serve --no-auth                 for experiments: every request may do everything
  s3gw serve --s3-domain s3.example.com --host ::   buckets as host names
  s3gw serve --cluster postgresql://s3gw@db1,db2/s3gw --cluster-blobs shared:/mnt/s3gw
                                       as a node of a cluster, see docs/cluster.md"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    settings: GivenSettings = setting_flags()


def run(options: Options) -> int:
    serve(options.settings.load().config)
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
