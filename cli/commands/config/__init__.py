# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config`, a file a subcommand or a few that are alike."""
