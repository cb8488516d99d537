"""Pipelines as requests name them: a transformer, and those after it."""

from __future__ import annotations

from s3gw.etl.errors import BadMessage

_MOST_STAGES = 16


def read_pipeline(name: str, more: str, args: str, called: tuple[str, str, str]) -> list[str]:
    """Return the names of transformers, the first one first; none without a name. `called` are the
    names of the parameters. Raise `BadMessage`."""
    if not name:
        if more or args:
            given = called[1] if more else called[2]
            raise BadMessage(f"{given} without {called[0]}: name the first transformer")
        return []
    names = [name, *(each.strip() for each in more.split(",") if each.strip())]
    if len(names) > _MOST_STAGES:
        raise BadMessage(f"a pipeline has at most {_MOST_STAGES} transformers")
    return names
