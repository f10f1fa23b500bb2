"""``python -m em_explorer``."""

import sys

from em_explorer.cli import main

if __name__ == "__main__":
    sys.exit(main())
