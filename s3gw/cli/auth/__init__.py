"""`s3gw auth`: users, roles, keys and tokens, one module per command.

The commands open the data folder themselves, beside a running server or without one: a user who
can read the folder is its owner. A running server applies every change at once.
"""

from __future__ import annotations

from s3gw.cli.parsing import Group

_SUMMARIES = {
    "user": "list, make and change users",
    "role": "list, make and change roles",
    "key": "list, make and change access keys",
    "token": "print a bearer token, or revoke one",
    "credentials": "print temporary keys for AWS SDKs",
    "access": "show or limit what requests may do in a bucket",
}

_EXAMPLES = """\
  s3gw auth role add painter --bucket paintings=rw      the rights of painters
  s3gw auth user add ann --role painter                 Ann is a painter
  s3gw auth key add ann                                 and has keys to sign requests
  export AIS_AUTHN_TOKEN=$(s3gw auth token)             a token that may do everything

Run it as the user of the server's process, with the same --config or --data. docs/identities.md
has the details."""

COMMAND = Group(__name__, _SUMMARIES, _EXAMPLES)
