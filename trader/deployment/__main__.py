"""python -m trader.deployment."""

import sys

from trader.deployment.main import main

sys.exit(main())
