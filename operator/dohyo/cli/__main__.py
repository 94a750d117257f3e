"""`python -m dohyo.cli` is the same as `dohyo`."""

import sys

from dohyo.cli import main

sys.exit(main())
