# SPDX-License-Identifier: LGPL-3.0-or-later
"""Entries of a timeline as a broker answers them, made up, and as hostile as they can be."""

from typing import Any

EVIL = "<script>alert('x')</script>\"'&\x1b[2J\u202e\ud800"
"""What a reason, a name or a value may be."""


def member(name: str, voted: float, vote: str = "yes", **more: Any) -> dict[str, Any]:
    """One that was asked after 10 ms."""
    return {"name": name, "asked": 0.01, "voted": voted, "vote": vote, **more}


def entry(result: str = "committed", evil: str = "plain", **more: Any) -> dict[str, Any]:
    """A change of two members, of which `slow` took most of the second."""
    committed = result in ("committed", "partial")
    applied: dict[str, Any] = {"applied": 0.95, "ok": True} if committed else {}
    moments: dict[str, Any] = {
        "at": 1795671736.5,
        "dry_run": False,
        "seconds": 1.0,
        "begun": 0.0,
        "asked": 0.01,
        "ended": 1.0,
        "members": [
            member(f"quick {evil}", 0.02, **applied),
            member("slow", 0.8, "yes" if committed else "no", **applied),
        ],
    }
    if committed:
        moments |= {"force": 0.8, "forced": 0.9, "commit": 0.9}
    found: dict[str, Any] = {
        "at": 1795671737.5,
        "result": result,
        "base": 3,
        "txid": "1.4.abcdef",
        "digest": "d" * 64,
        "verb": "set",
        "who": {"uid": 0, "pid": 77, "command": f"flux config set a.b {evil}"},
        "message": f"because {evil}",
        "moments": moments,
    }
    if committed:
        found |= {
            "generation": 4,
            "members": ["slow"],
            "changes": [{"key": f"a.{evil}", "old": 1, "new": [evil]}, {"key": "c", "new": "x"},
                        {"key": "long", "old": '["abc… (cut)', "cut": True}],
            "more_changes": 2,
            "warnings": [{"module": "slow", "message": evil}],
        }  # fmt: skip
    else:
        found["reasons"] = [{"module": "slow", "message": f"no: {evil}", "key": "a.b"}]
    return {**found, **more}


def without_moments(**more: Any) -> dict[str, Any]:
    """A change of which only the history knows."""
    found = entry(**more)
    del found["moments"]
    return found
