"""`s3gw archive`, one module per command."""

from __future__ import annotations

from s3gw.cli.parsing import Group

_SUMMARIES = {
    "ls": "list the members of archives",
    "get": "download a member, or matching members as a tar",
    "cat": "print members",
    "put": "add files to an archive",
    "create": "make an archive from objects",
}
_EXAMPLES = """\
  s3gw archive ls ais://shards/0001.tar
  s3gw archive cat ais://shards/0001.tar labels/7.txt
  s3gw archive get ais://shards/0001.tar --regex '\\.jpg$' images.tar
  s3gw archive create ais://samples ais://shards/0001.tar --template '{0..99}.jpg'

Archives are objects whose names end in .tar, .tgz, .tar.gz, .tar.lz4 or .zip."""

COMMAND = Group(__name__, _SUMMARIES, _EXAMPLES)
