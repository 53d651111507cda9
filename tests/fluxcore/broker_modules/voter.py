# SPDX-License-Identifier: LGPL-3.0-or-later
"""A module of Flux that can be asked beforehand, and remembers what it was asked and ran.

It refuses `voter.n` above its argument `max`, with two reasons; `voter.sleep` is how long it takes
to answer, in seconds.
"""

import errno
import time

from flux.brokermod import BrokerModule, request_handler


class Voter(BrokerModule):
    def __init__(self, h, *args):
        super().__init__(h, *args)
        self.max = int(dict(arg.split("=") for arg in args).get("max", 10))
        self.ran, self.asked, self.aborted, self.txid = [], [], 0, None

    @request_handler("config-prepare")
    def prepare(self, msg):
        self.txid = msg.payload["txid"]
        table = msg.payload["config"].get("voter", {})
        n = table.get("n", 0)
        self.asked.append(n)
        time.sleep(table.get("sleep", 0))
        if n > self.max:
            text = f"n: {n} is more than {self.max}\nand that is the second reason"
            self.handle.respond_error(msg, errno.EINVAL, text)
        else:
            self.handle.respond(msg, {})

    @request_handler("config-abort")
    def abort(self, msg):
        self.aborted += msg.payload["txid"] == self.txid
        self.handle.respond(msg)

    @request_handler("config-reload")
    def reload(self, msg):
        self.ran.append(msg.payload.get("voter", {}).get("n"))
        self.handle.respond(msg)

    @request_handler("tell")
    def tell(self, msg):
        told = {"ran": self.ran, "asked": self.asked, "aborted": self.aborted}
        self.handle.respond(msg, told)
