# SPDX-License-Identifier: LGPL-3.0-or-later
"""The program inside a rehearsal's instance: `flux python rehearsal_client.py`.

It runs in the interpreter that Flux was built for, which may have nothing of ours, so it imports
only Flux's bindings and the standard library.  On stdin comes a JSON object a line, on stdout goes
one for each: first what is to be loaded, then candidates, each with what is to be gone back to
before, if anything.  At the end of stdin it unloads all.
"""

import json
import sys
import time
from importlib import import_module
from typing import Any

Object = dict[str, Any]
LATE = 110  # ETIMEDOUT
NO_SUCH_METHOD = 38  # ENOSYS: no handler for the configuration is a yes
NO_SERVICE = "No service matching"  # with the same number: the module is no more


class Play:
    """The modules of one instance, what they run, and what they say to something else."""

    def __init__(self, handle: Any, given: Object) -> None:
        """`given`: `load` (name, path, arguments of each), `ask` (names), `in-force`, `seconds`."""
        self.handle = handle
        self.seconds: float = given["seconds"]
        self.loaded: list[str] = []
        self.gone: set[str] = set()
        self.failed: dict[str, str] = {}
        self._load(given["load"], given["in-force"])
        self.asked = [name for name in given["ask"] if name not in self.failed]
        for name, text in _refusals(self.put(given["in-force"])).items():
            self.failed[name] = f"refuses what is in force: {text}"
        self.failed |= dict.fromkeys(self.gone, "ended when it was given what is in force")
        self.asked = [name for name in self.asked if name not in self.failed]

    def _load(self, modules: list[tuple[str, str, list[str]]], in_force: Object) -> None:
        """Each is born with what is in force, or, where that is no start, with nothing."""
        born_with: Object | None = None
        for name, path, arguments in modules:
            for tree in (in_force, {}):
                try:
                    if tree != born_with:
                        self.call("broker.config-reload", tree)
                        born_with = tree
                    body = {"path": path, "name": name, "args": arguments, "exec": False}
                    self.call("module.load", body)
                except OSError as error:
                    self.failed[name] = f"cannot be loaded: {error.strerror}"
                else:
                    self.failed.pop(name, None)
                    self.loaded.append(name)
                    break

    def call(self, topic: str, body: Object) -> None:
        """One request.  Raises OSError."""
        self.handle.rpc(topic, body).wait_for(self.seconds).get()

    def put(self, tree: Object) -> dict[str, str | None]:
        """What each module says to this configuration, all at once: None is a yes."""
        text = json.dumps(tree)
        asked = {name: self.handle.rpc(f"{name}.config-reload", text) for name in self.asked}
        said: dict[str, str | None] = {}
        deadline = time.monotonic() + self.seconds
        for name, future in asked.items():
            try:
                future.wait_for(max(0.01, deadline - time.monotonic())).get()
                said[name] = None
            except OSError as error:
                said[name] = self._text(name, error)
        return said

    def _text(self, name: str, error: OSError) -> str | None:
        if error.errno == NO_SUCH_METHOD:
            if str(error.strerror).startswith(NO_SERVICE):
                self.gone.add(name)
            return None
        if error.errno == LATE or isinstance(error, TimeoutError):
            return f"did not answer within {self.seconds:g} s"
        return str(error.strerror or error)

    def judge(self, given: Object) -> Object:
        """What they say to a candidate.

        `given`: `candidate`; `seconds` for each time that they are given something; `back`, what
        they are given before, or null where they run what is in force.  `stuck` are those that did
        not go back, `gone` those that have ended.
        """
        self.seconds = given["seconds"]
        stuck = {} if given["back"] is None else _refusals(self.put(given["back"]))
        refused = {} if stuck else _refusals(self.put(given["candidate"]))
        asked = [name for name in self.asked if name not in self.gone]
        return {"asked": dict.fromkeys(asked, ""), "refused": refused, "stuck": stuck,
                "gone": dict.fromkeys(self.gone, "has ended")}  # fmt: skip

    def unload(self) -> None:
        """Without this the end of the instance takes ten seconds longer."""
        for name in reversed(self.loaded):
            try:
                self.call("module.remove", {"name": name})
            except OSError:
                continue


def _refusals(said: dict[str, str | None]) -> dict[str, str]:
    return {name: text for name, text in said.items() if text is not None}


def main() -> int:
    """Serve until stdin ends."""
    lines = iter(sys.stdin.readline, "")
    play = Play(import_module("flux").Flux(), json.loads(next(lines)))
    _tell({"failed": play.failed})
    for line in lines:
        _tell(play.judge(json.loads(line)))
    play.unload()
    return 0


def _tell(answer: Object) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    sys.exit(main())
