# SPDX-License-Identifier: LGPL-3.0-or-later
"""Callbacks in the order of their moments, equal ones once."""

from protocol.moments import Moments


def test_what_is_due_is_called_in_order_and_once() -> None:
    moments, called = Moments(), []

    def first() -> None:
        called.append("first")

    def second() -> None:
        called.append("second")
        moments.add(0.0, second)

    moments.add(2.0, second)
    moments.add(1.0, first)
    moments.add(2.0, second)
    moments.add(3.0, first)
    assert moments.next == 1.0
    moments.call_back(2.5)
    assert called == ["first", "second"]
    assert moments.next == 0.0
    moments.call_back(2.5)
    assert called == ["first", "second", "second"]
