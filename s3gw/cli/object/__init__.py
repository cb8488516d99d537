"""`s3gw object`, one module per command."""

from __future__ import annotations

from s3gw.cli.parsing import Group

_SUMMARIES = {
    "ls": "list objects",
    "find": "list objects that meet conditions",
    "put": "upload files, folders or the standard input",
    "get": "download objects into files and folders",
    "cat": "print objects",
    "head": "show the size, checksum and properties of an object",
    "set-custom": "set an object's custom properties",
    "cp": "copy objects within the server",
    "mv": "rename or move an object",
    "rm": "remove objects",
    "promote": "make objects from files on the server's machine",
    "prefetch": "copy objects of a cloud bucket here",
    "evict": "remove the local copies of a cloud bucket's objects",
}
_EXAMPLES = """\
  s3gw object put -r ./train ais://shards/train/
  s3gw object ls ais://shards/train/ --long
  s3gw object find ais://shards --size '>1MiB' --older 7d --ext jpg
  s3gw object get ais://shards/train/0001.tar
  s3gw object cat ais://shards/train/index.json | jq .
  s3gw object rm ais://shards --template 'train/{0001..0100}.tar'

An object is BUCKET/OBJECT, ais://BUCKET/OBJECT or ais://#NAMESPACE/BUCKET/OBJECT."""

COMMAND = Group(__name__, _SUMMARIES, _EXAMPLES)
