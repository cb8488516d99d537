"""`python -m s3gw`, and the command `s3gw`."""

from __future__ import annotations

import sys

from s3gw.cli import main as run


def main() -> None:
    sys.exit(run())


if __name__ == "__main__":
    main()
