# SPDX-License-Identifier: LGPL-3.0-or-later
"""A front as it always is, with other values for some numbers of protocol.limits (FRONT_LIMITS)."""

import json
import os
import sys

from fluxcore.front.__main__ import main
from protocol import limits

if __name__ == "__main__":
    for name, value in json.loads(os.environ.get("FRONT_LIMITS", "{}")).items():
        assert hasattr(limits, name)
        setattr(limits, name, value)
    sys.exit(main(sys.argv[1:]))
