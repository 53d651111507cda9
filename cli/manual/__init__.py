# SPDX-License-Identifier: LGPL-3.0-or-later
"""Manual pages, made of the commands' parsers and of docs/: `python -m cli.manual DIRECTORY`."""
