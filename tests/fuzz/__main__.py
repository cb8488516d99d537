"""`python -m tests.fuzz TARGET [SECONDS] [libFuzzer's options]`: fuzz one target with atheris.

What is found is kept as `crash-…` in the folder of the target below `.fuzz`, with the corpus; give
that file as an option to see it again. Without a target, they are listed.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from tests.fuzz.mutation import ODD
from tests.fuzz.registry import TARGETS

CORPUS = Path(".fuzz")


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        print(f"Name a target: {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    try:
        import atheris
    except ImportError:
        print("atheris is missing: pip install -e '.[test,fuzz]'", file=sys.stderr)
        return 2
    name, *options = sys.argv[1:]
    seconds = options.pop(0) if options and options[0].isdigit() else "60"
    with atheris.instrument_imports(include=["s3gw", "cluster", "storage"]):
        target = import_module(f"tests.fuzz.{name}")
    folder = CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.SEEDS):
        (folder / f"seed-{number}").write_bytes(seed)
    words = folder.parent / f"{name}.dict"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in ODD if word))
    kept = f"-artifact_prefix={folder}/"
    command = [
        sys.argv[0],
        f"-max_total_time={seconds}",
        kept,
        f"-dict={words}",
        *options,
        str(folder),
    ]
    atheris.Setup(command, target.one_input)
    atheris.Fuzz()
    return 0


def _escaped(word: bytes) -> str:
    """As libFuzzer's dictionaries have it."""
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    sys.exit(main())
