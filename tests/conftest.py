# SPDX-License-Identifier: LGPL-3.0-or-later
"""What holds for all tests: they and their children can be interrupted.

A shell starts background jobs with SIGINT ignored, and that is inherited; a test that presses
Ctrl-C on a child must not depend on how the tests were started.
"""

import signal

signal.signal(signal.SIGINT, signal.default_int_handler)
