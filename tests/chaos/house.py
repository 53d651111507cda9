# SPDX-License-Identifier: LGPL-3.0-or-later
"""The former place of ChaosBroker, until every test imports it from tests.chaos.broker."""

from tests.chaos.broker import HASTY, PLAIN, VOTER
from tests.chaos.broker import ChaosBroker as House
from tests.support.client_calls import ROOT
from tests.support.patience import PATIENCE, until

__all__ = ["HASTY", "PATIENCE", "PLAIN", "ROOT", "VOTER", "House", "until"]
