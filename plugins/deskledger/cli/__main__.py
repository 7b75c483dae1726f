"""`python -m deskledger.cli`: the same as the command `deskledger`."""

import sys

from deskledger.cli import main

sys.exit(main())
