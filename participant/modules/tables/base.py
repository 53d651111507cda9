# SPDX-License-Identifier: LGPL-3.0-or-later
"""How Flux's own tables are spelt and what it does with keys that it does not know.

`Settings` also accepts a field under its Python name.  Flux's tables must not: `allow_guest_user`
is a misspelling of `allow-guest-user` that Flux refuses.
"""

from pydantic import ConfigDict

from participant.settings.model import LAX, Settings


class StrictTable(Settings):
    """A table in which an unknown key is refused."""

    model_config = ConfigDict(populate_by_name=False)


class LaxTable(StrictTable):
    """A table in which an unknown key, of any type, is ignored."""

    model_config = LAX


UNDERSCORES = ConfigDict(alias_generator=None)
"""For `model_config`: the keys of this table are spelt with underscores, as the fields are."""
