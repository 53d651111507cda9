# SPDX-License-Identifier: LGPL-3.0-or-later
"""`python -m cli.accord`: the program flux-accord where it is not installed."""

import sys

from cli.accord.main import main

sys.exit(main())
