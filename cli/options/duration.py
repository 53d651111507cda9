# SPDX-License-Identifier: LGPL-3.0-or-later
"""Argument types that several commands share."""

import argparse

from protocol import limits
from protocol.formats.fsd import parse_fsd


def duration(text: str) -> float:
    """An FSD of more than nothing, in seconds; for argparse's `type`."""
    try:
        seconds = parse_fsd(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not 0 < seconds <= limits.LONGEST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text}: must be more than 0 and at most 1d")
    return seconds


def add_timeout(parser: argparse.ArgumentParser) -> None:
    """The option --timeout, as every changing command has it."""
    parser.add_argument(
        "--timeout",
        metavar="FSD",
        type=duration,
        default=limits.PREPARE_SECONDS,
        help="time from the request to the decision (default: 10s)",
    )
