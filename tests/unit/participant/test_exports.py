# SPDX-License-Identifier: LGPL-3.0-or-later
"""What authors import from `participant`: the lists of names agree."""

import participant

ALIASES = {"FSD", "ByteSize", "Hostlist", "IdSet", "PathText"}
"""Annotated types, which have no name of their own."""


def test_every_name_is_there() -> None:
    assert sorted(participant._HOMES) == sorted(participant.__all__)
    for name in participant.__all__:
        assert getattr(participant, name).__name__ == name or name in ALIASES
