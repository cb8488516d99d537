"""The section `[promote]` of the configuration."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.config.types import Text, Texts, option


@dataclass(frozen=True, slots=True)
class Promote:
    """Making objects out of files of the server's machine."""

    roots: tuple[str, ...] = option(
        (),
        "The folders whose files may be made objects, by who has the right to promote; none are by "
        "default. Symbolic links below them are not followed.",
        Texts("a list of absolute paths", Text("an absolute path", r"/.*")),
    )
