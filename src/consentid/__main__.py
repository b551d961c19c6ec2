"""``python -m consentid``."""

import sys

from consentid.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
