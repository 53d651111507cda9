# SPDX-License-Identifier: LGPL-3.0-or-later
"""A module of Flux that cannot be asked beforehand: it refuses, or hangs, when it is told.

It does so at `oldkind.n` above its argument `max`; with the argument `hang` it hangs so many
seconds in place of refusing.
"""

import errno
import time

from flux.brokermod import BrokerModule, request_handler


class Oldkind(BrokerModule):
    def __init__(self, h, *args):
        super().__init__(h, *args)
        given = dict(arg.split("=") for arg in args)
        self.max, self.hang = int(given.get("max", 10)), float(given.get("hang", 0))
        self.ran = []

    @request_handler("config-reload")
    def reload(self, msg):
        n = msg.payload.get("oldkind", {}).get("n", 0)
        if n > self.max and self.hang:
            time.sleep(self.hang)
        elif n > self.max:
            self.handle.respond_error(msg, errno.EINVAL, f"n: {n} is too much for me")
            return
        self.ran.append(n)
        self.handle.respond(msg)

    @request_handler("tell")
    def tell(self, msg):
        self.handle.respond(msg, {"ran": self.ran})
