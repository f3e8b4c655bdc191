"""``python -m sise`` is the command ``sise``."""

from __future__ import annotations

from sise.run.cli import main

if __name__ == "__main__":
    main()
