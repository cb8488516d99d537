"""Start-up banner."""

from __future__ import annotations

from urllib.parse import urlsplit

from msgspec import Struct

from s3gw import __version__
from s3gw.config.places import data_folders, node_name
from s3gw.config.schema import Config
from s3gw.identity.root_keys import FoundKeys

_NO_AUTH = "NO AUTHENTICATION: everyone who reaches this port is the root account."


class StartedServer(Struct, frozen=True):
    """The facts to show: `url` is the endpoint, `workers` is their number."""

    config: Config
    found: FoundKeys
    url: str
    workers: int


def banner(now: StartedServer) -> str:
    lines = [
        "",
        f"s3gw {__version__} is ready at {now.url}",
        "",
        *_rows(_facts(now)),
        "",
        "Try it:",
        "",
        *(f"  {line}" for line in _commands(now)),
        "",
        "Stop it with Ctrl-C.",
        "",
    ]
    return "\n".join(lines)


def _facts(now: StartedServer) -> dict[str, str]:
    config, found = now.config, now.found
    facts = {"access key": found.keys.access_key}
    if not config.auth.enabled:
        facts = {"warning": _NO_AUTH}
    elif found.new:
        facts["secret key"] = f"{found.keys.secret_key}   shown this once, kept in {found.file}"
    else:
        facts["secret key"] = f"in {found.file or 'the configuration'}"
    if config.cluster.database:
        hosts = urlsplit(config.cluster.database).netloc.rpartition("@")[2]
        facts["cluster"] = f"node {node_name(config)}, database at {hosts or 'this machine'}"
    facts["data"] = ", ".join(map(str, data_folders(config)))
    facts["workers"] = f"{now.workers} with {config.server.http_server}"
    if config.s3.domain:
        facts["domains"] = ", ".join(f"BUCKET.{domain}" for domain in config.s3.domain)
    return facts


def _rows(facts: dict[str, str]) -> list[str]:
    width = max(map(len, facts))
    return [f"  {name:{width}}   {text}" for name, text in facts.items()]


def _commands(now: StartedServer) -> list[str]:
    # With the region set, boto3 and aws sign as they do for AWS: by Signature Version 4.
    return [
        f"export AWS_ENDPOINT_URL={now.url} AWS_DEFAULT_REGION={now.config.s3.region}",
        *_exported_keys(now),
        "aws s3 mb s3://my-bucket && aws s3 cp README.md s3://my-bucket/ && aws s3 ls s3://my-bucket",
        "python -c \"import boto3; print(boto3.client('s3').list_buckets()['Buckets'])\"",
        "python -c \"import s3fs; print(s3fs.S3FileSystem().ls('my-bucket'))\"",
    ]


def _exported_keys(now: StartedServer) -> list[str]:
    if not now.config.auth.enabled:
        return ["export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any"]
    secret = now.found.keys.secret_key if now.found.new else "..."
    return [f"export AWS_ACCESS_KEY_ID={now.found.keys.access_key} AWS_SECRET_ACCESS_KEY={secret}"]
