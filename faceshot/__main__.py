"""``python -m faceshot`` is the command line."""

from faceshot.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
