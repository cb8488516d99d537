"""Specifications of dsorts in files: JSON, or YAML."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from s3gw.cli.parsing import Misused


def read_spec(file: str) -> dict[str, Any]:
    """Read a file, `-` for standard input. Raise `Misused`."""
    text = read_text(file)
    is_json = file.lower().endswith(".json") or text.lstrip().startswith("{")
    found = _json(file, text) if is_json else _yaml(file, text)
    if not isinstance(found, dict):
        raise Misused(f"{_shown(file)}: a specification has keys, such as input_bck.")
    return found


def read_text(file: str) -> str:
    """Raise `Misused`."""
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text()
    except OSError as error:
        raise Misused(f"{file}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Misused(f"{_shown(file)}: it is not a text.") from None


def _json(file: str, text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Misused(f"{_shown(file)}: it is not JSON: {error}.") from None


def _yaml(file: str, text: str) -> object:
    try:
        import yaml
    except ModuleNotFoundError:
        raise Misused(
            f"{_shown(file)}: YAML needs a package: pip install 's3gw[yaml]', or write JSON."
        ) from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" in line {where.line + 1}" if where else ""
        raise Misused(f"{_shown(file)}: it is not YAML{line}.") from None


def _shown(file: str) -> str:
    return "standard input" if file == "-" else file
