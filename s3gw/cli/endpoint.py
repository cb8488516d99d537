"""Commands that ask a running server: which one, and about what."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from typing import TypeVar

from s3gw.cli.commands import Misused, Parser, describe
from s3gw.client.endpoint import DEFAULT_URL, Flags, find_endpoint
from s3gw.client.names import BadName, read_bucket, read_object, read_place
from s3gw.client.transport import Client

T = TypeVar("T")

# What an argument is; completion goes by these.
BUCKET = "BUCKET"
OBJECT = "BUCKET/OBJECT"
PLACE = "BUCKET[/PREFIX]"
FILE = "FILE"
JOB = "JOB"
ETL = "ETL"
KIND = "KIND"
PAIR = "NAME=VALUE"


def describe_asking(parser: Parser, run: Callable[..., int], examples: str) -> None:
    """As `describe`, and the flags that every such command has."""
    describe(parser, run, examples)
    parser.add_argument("--json", action="store_true", help="for programs")
    group = parser.add_argument_group("the server")
    group.add_argument(
        "--endpoint",
        metavar="URL",
        help=f"its address (default: {DEFAULT_URL}; variable AIS_ENDPOINT)",
    )
    group.add_argument(
        "--token-file",
        metavar=FILE,
        help="the bearer token (variables AIS_AUTHN_TOKEN, AIS_AUTHN_TOKEN_FILE)",
    )
    group.add_argument(
        "--ca", metavar=FILE, help="certificates to trust, as PEM (variable AIS_CLIENT_CA)"
    )
    group.add_argument(
        "--skip-verify",
        action="store_true",
        help="trust any certificate (variable AIS_SKIP_VERIFY_CRT)",
    )


def connect(args: argparse.Namespace) -> Client:
    """Nothing is sent yet. Raises `BadSetting`."""
    flags = Flags(args.endpoint, args.token_file, args.ca, args.skip_verify)
    return Client(find_endpoint(os.environ, flags))


def add_bucket(parser: Parser, name: str = "bucket", **how: object) -> None:
    _add(parser, name, BUCKET, read_bucket, how)


def add_object(parser: Parser, name: str = "object", **how: object) -> None:
    _add(parser, name, OBJECT, read_object, how)


def add_place(parser: Parser, name: str = "place", **how: object) -> None:
    _add(parser, name, PLACE, read_place, how)


def pair(text: str) -> tuple[str, str]:
    """An argument such as `checksum.type=md5`."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r}: must be {PAIR}")
    return name, value


def pairs_in(given: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Raises `Misused` for a name that is there twice."""
    found: dict[str, str] = {}
    for name, value in given:
        if name in found:
            raise Misused(f"{name} is given twice.")
        found[name] = value
    return found


def _add(
    parser: Parser, name: str, metavar: str, read: Callable[[str], T], how: dict[str, object]
) -> None:
    def checked(text: str) -> T:
        try:
            return read(text)
        except BadName as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    settled: dict[str, object] = {"metavar": metavar, "type": checked} | how
    parser.add_argument(name, **settled)  # type: ignore[arg-type]
