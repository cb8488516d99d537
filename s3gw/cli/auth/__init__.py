"""`s3gw auth`: who may do what. Each of its commands is a module.

They open the data folder themselves, beside a running server or without one: whoever can read the
folder is its owner. A server that runs there knows of every change at once.
"""

from __future__ import annotations

from s3gw.cli.commands import Parser, add_group

_SUMMARIES = {
    "user": "list, make and change users",
    "role": "list, make and change roles",
    "key": "list, make and change access keys",
    "token": "print a bearer token, or revoke one",
    "credentials": "print temporary keys for AWS' SDKs",
    "access": "show or limit what anybody may do in a bucket",
}

_EXAMPLES = """\
  s3gw auth role add painter --bucket paintings=rw      what painters may do
  s3gw auth user add ann --role painter                 Ann is one
  s3gw auth key add ann                                 and has keys to sign with
  export AIS_AUTHN_TOKEN=$(s3gw auth token)             a token that may do everything

Run it as the user whom the server runs as, with the same --config or --data. docs/identities.md
says more."""


def define(parser: Parser) -> None:
    parser.description = "Who may do what."
    add_group(parser, __name__, _SUMMARIES, _EXAMPLES)
