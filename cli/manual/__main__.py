# SPDX-License-Identifier: LGPL-3.0-or-later
"""`python -m cli.manual DIRECTORY`: write the pages of this tree there."""

import sys
from pathlib import Path

from cli.manual.pages import write_all

if __name__ == "__main__":
    root = Path(__file__).resolve().parents[2]
    for file in write_all(root, Path(sys.argv[1])):
        print(file)
