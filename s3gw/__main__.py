"""`python -m s3gw`, and the command `s3gw`."""

from __future__ import annotations

import sys

from s3gw import description


def main() -> None:
    if sys.argv[1:] == ["--version"]:
        # The parser of commands takes as long to import as Python takes to start.
        print(description())
        return
    from s3gw.cli import main as run

    sys.exit(run())


if __name__ == "__main__":
    main()
