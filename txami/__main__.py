"""``python -m txami``."""

from .cli import main

main()
