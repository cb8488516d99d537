"""JSON schema of the configuration file."""

from __future__ import annotations

import msgspec

from s3gw.config.declaration import table_schema
from s3gw.config.schema import Config


def configuration_schema() -> str:
    """Return the schema (draft 2020-12) as JSON text. What settings must be together is not in it:
    only `s3gw config show` checks that."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of s3gw",
    }
    encoded = msgspec.json.encode(head | table_schema(Config))
    return msgspec.json.format(encoded).decode() + "\n"
