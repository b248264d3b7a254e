"""`python -m fwp` is the command `fwp`."""

import sys

from fwp.cli import main

sys.exit(main())
