# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a module's class says to a configuration, without a process and without a broker.

For files that are to be judged before there is a broker, and beside a broker that is not ours.
Nothing of what is asked stays: what `prepare` built is released at once.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from participant.contract import NotAModule, check_instance
from participant.module import Module
from protocol.configuration import Configuration
from protocol.messages import Arguments
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason, Refusal


class Judgement(NamedTuple):
    """What a module says to a configuration; no reasons where it accepts."""

    reasons: tuple[Reason, ...]
    warnings: tuple[Reason, ...] = ()


def ask(
    module: type[Module],
    configuration: Configuration,
    starting: bool | None,
    complain: Callable[[str], None],
    allowed: float | None = None,
    arguments: Arguments = (),
    sound: bool = False,
) -> Judgement:
    """What a new instance of the class says.

    `starting`: as at a start; None: as to a change, with what only a start would refuse among the
    warnings; False: without that.  `allowed`: seconds that it has.  `arguments` are laid over what
    it says.  `complain` is told of an `abort` that raises.  `sound`: an instance of this class has
    been looked at before, which takes longer than most answers.  Raises whatever author's code
    raises in `prepare` or when the instance is made, and NotAModule.
    """
    judge = module()
    if not sound:
        check_instance(judge)
    judge.starting = bool(starting)
    try:
        found = judge.judge(
            configuration, arguments, about_a_start=starting is None, allowed=allowed
        )
    except BaseException as error:  # what it says may have a secret in it
        raise Raised(type(error).__name__, judge.without_secrets(str(error))) from error
    if isinstance(found, Refusal):
        return Judgement(found.reasons, judge.warnings)
    try:
        judge.abort(found.built)
    except Exception as error:
        text = judge.without_secrets(str(error))
        complain(f"abort raised {type(error).__name__}: {text}")
    return Judgement((), judge.warnings)


class Raised(Exception):
    """Author's code raised in `prepare`; the text says what, without secrets."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"prepare raised {kind}: {text}")


def ask_within(
    seconds: float,
    name: str,
    module: type[Module],
    configuration: Configuration,
    starting: bool | None,
    complain: Callable[[str], None],
    arguments: Arguments = (),
) -> Judgement:
    """The same for a class of anybody's, under `name`: what hangs or raises is a no."""
    said: list[Judgement] = []

    def listen() -> None:
        try:
            said.append(ask(module, configuration, starting, complain, seconds, arguments))
        except Raised as error:
            said.append(Judgement((Reason(name, str(error), code=ReasonCode.FAULT),)))
        except NotAModule as error:
            why = f"cannot be loaded: {error}"
            said.append(Judgement((Reason(name, why, code=ReasonCode.UNLOADABLE),)))
        except BaseException as error:
            why = f"prepare raised {type(error).__name__}: {error}"
            said.append(Judgement((Reason(name, why, code=ReasonCode.FAULT),)))

    # An author's prepare may hang; a thread can be left behind, and ends with this process.
    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    thread.join(seconds)
    if not said:
        why = f"did not answer within {seconds:g} s"
        return Judgement((Reason(name, why, code=ReasonCode.TIMEOUT),))
    return renamed(said[0], name)


def renamed(judgement: Judgement, name: str) -> Judgement:
    """The same, said by a module of this name."""
    return Judgement(
        tuple(replace(reason, module=name) for reason in judgement.reasons),
        tuple(replace(warning, module=name) for warning in judgement.warnings),
    )
