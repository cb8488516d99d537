"""The AWS SDK for Java v2."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from compat.clients import program


class Driver(program.Driver):
    def variables(self) -> Mapping[str, str]:
        """Java finds the names of buckets in a file, which the program writes."""
        if not self.virtual_host:
            return {}
        hosts = Path(tempfile.mkdtemp(dir=Path.home())) / "hosts"
        hosts.touch()
        return {"JDK_JAVA_OPTIONS": f"-Djdk.net.hosts.file={hosts}"}
