"""``python -m faceshot`` and the command ``faceshot``."""

from __future__ import annotations

import sys


def main() -> int:
    """The command line; Ctrl-C while it is still being imported is an interruption like any other."""
    try:
        from faceshot.cli import main as run

        return run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
