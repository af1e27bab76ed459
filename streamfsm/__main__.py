"""``python -m streamfsm``: the command line."""

import sys

from streamfsm.cli import main

sys.exit(main())
