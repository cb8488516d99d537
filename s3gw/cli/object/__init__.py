"""`s3gw object`: each of its commands is a module."""

from __future__ import annotations

from s3gw.cli.commands import Parser, add_group

_SUMMARIES = {
    "ls": "list objects",
    "put": "upload files, folders or the standard input",
    "get": "download objects into files and folders",
    "cat": "print objects",
    "head": "show what an object is",
    "set-custom": "set an object's custom properties",
    "cp": "copy objects within the server",
    "mv": "give an object another name",
    "rm": "remove objects",
    "promote": "make objects of files that the server has",
    "prefetch": "bring objects of a cloud bucket here",
    "evict": "forget the local copies of a cloud bucket's objects",
}
_EXAMPLES = """\
  s3gw object put -r ./train ais://shards/train/
  s3gw object ls ais://shards/train/ --long
  s3gw object get ais://shards/train/0001.tar
  s3gw object cat ais://shards/train/index.json | jq .
  s3gw object rm ais://shards --template 'train/{0001..0100}.tar'

An object is BUCKET/OBJECT, ais://BUCKET/OBJECT or ais://#NAMESPACE/BUCKET/OBJECT."""


def define(parser: Parser) -> None:
    add_group(parser, __name__, _SUMMARIES, _EXAMPLES)
