# SPDX-License-Identifier: LGPL-3.0-or-later
"""For authors' tests: a module put through prepare, commit and abort without a broker.

    trial = Trial(Cooling, "[cooling]\\ntarget = 18", arguments=["interval=5s"])
    with pytest.raises(Refused, match="freeze"):
        trial.change("[cooling]\\ntarget = 5\\ninterval = '1ms'")

What the module says is judged by the same code as in its process; only messages are missing.
"""

import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from participant.contract import check_instance
from participant.module import Module, StagedSettings
from participant.settings.layers import from_environment
from participant.settings.parameters import parameters
from participant.unheard import run_verb
from protocol.configuration import Configuration
from protocol.keys import format_key, parse_key
from protocol.messages import LOAD_ARGUMENT, Argument, Arguments
from protocol.reasons import Reason

SET = "set in a test"
"""The origin of what `set` gives."""

AnyModule = TypeVar("AnyModule", bound=Module)


class Refused(AssertionError):
    """The module did not accept; `reasons` are all it had to say, and so is the text."""

    def __init__(self, reasons: tuple[Reason, ...]) -> None:
        super().__init__("\n".join(map(str, reasons)))
        self.reasons = reasons


class Prepared:
    """A candidate that the module accepted; it waits for `commit` or `abort`."""

    def __init__(self, trial: "Trial[Any]", staged: StagedSettings, arguments: Arguments) -> None:
        self._trial = trial
        self._staged = staged
        self._arguments = arguments

    def commit(self) -> None:
        """Take it into use.  Whatever the author's `commit` raises comes through."""
        trial = self._trial
        trial.module.take(self._staged)
        trial.arguments, trial.configuration = self._arguments, self._staged.configuration
        if not trial.ran:
            trial.ran = True
            run_verb("run", trial.module.run)

    def abort(self) -> None:
        """Throw it away."""
        run_verb("abort", self._trial.module.abort, self._staged.built)


class Trial(Generic[AnyModule]):
    """One life of one module; it is loaded, and running, when this is made."""

    def __init__(
        self,
        module: type[AnyModule],
        config: str | Mapping[str, Any] = "",
        *,
        arguments: Iterable[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Load `module` under `config` (TOML text or a tree) with `key=value` arguments.

        `environment` takes the place of the process's.  Raises Refused if it declines,
        NotAModule (a TypeError) where `flux module load` would not have the class.
        """
        self.module = module()
        check_instance(self.module)
        self.ran = False
        self.configuration = Configuration.of({})
        self.arguments: Arguments = ()
        keys = (parameter.key for parameter in parameters(module.schema(), module.owned()))
        self.module.environment = from_environment(module.title(), keys, environment or {})
        given = tuple(_argument(LOAD_ARGUMENT, text) for text in arguments)
        self._prepare(_read(config), given).commit()

    @property
    def config(self) -> Any:
        """The settings in force."""
        return self.module.config

    @property
    def warnings(self) -> list[str]:
        """What the module warned of when it was asked last, a line each."""
        return list(map(str, self.module.warnings))

    def prepare(self, config: str | Mapping[str, Any]) -> Prepared:
        """Ask it about another configuration.  Raises Refused if it says no."""
        return self._prepare(_read(config), self.arguments)

    def change(self, config: str | Mapping[str, Any]) -> None:
        """Move it to another configuration.  Raises Refused; then it runs what it ran."""
        self.prepare(config).commit()

    def set(self, *values: str) -> None:
        """As `flux module config set MODULE KEY=VALUE…`.  Raises Refused."""
        given = [_argument(SET, text) for text in values]
        self._prepare(
            self.configuration, (*self._without(argument.key for argument in given), *given)
        ).commit()

    def unset(self, *keys: str) -> None:
        """As `flux module config unset MODULE KEY…`.  Raises Refused."""
        self._prepare(self.configuration, self._without(keys)).commit()

    def origin(self, key: str) -> str:
        """Where the value of a setting comes from, as `get --origin` tells it."""
        merged = self.module.merged
        assert merged is not None
        return merged.origin_text(self.module.owned().path(parse_key(key)))

    def _without(self, keys: Iterable[str]) -> Arguments:
        gone = set(keys)
        return tuple(
            argument
            for argument in self.arguments
            if argument.origin != SET or argument.key not in gone
        )

    def _prepare(self, configuration: Configuration, arguments: Arguments) -> Prepared:
        answer = self.module.judge(configuration, arguments)
        if not isinstance(answer, StagedSettings):
            raise Refused(answer.reasons)
        return Prepared(self, answer, arguments)


def _read(config: str | Mapping[str, Any]) -> Configuration:
    return Configuration.of(tomllib.loads(config) if isinstance(config, str) else config)


def _argument(origin: str, text: str) -> Argument:
    key, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{text!r} is no KEY=VALUE")
    return Argument(origin, format_key(parse_key(key)), value)
