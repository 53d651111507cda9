# SPDX-License-Identifier: LGPL-3.0-or-later
"""A gate that would say yes because it never ran: refused at load, or a no when it is asked."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, field_validator, model_validator

from participant import Field, Module, Reject, Rejects, attach
from participant.contract import NotAModule, check
from participant.judging import ask_within
from participant.loader import Unloadable, load
from participant.module import StagedSettings
from participant.modules import BUNDLED
from participant.testing import Trial
from protocol.configuration import EMPTY
from protocol.reasons import Refusal

HEAD = """\
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel

from participant import Field, Module, Reject


class Pump(Module):
"""
LINES = HEAD.count("\n")

TABLE = """\
    table = "pump"

    class Config(Module.Config):
        pace: int = Field(3)
"""

AT_LOAD = [
    ("async def prepare(self, new, config): raise Reject('no')", 1, "prepare is `async def`"),
    ("async def commit(self, staged): pass", 1, "commit is `async def`"),
    ("async def abort(self, staged): pass", 1, "abort is `async def`"),
    ("async def run(self): pass", 1, "run is `async def`"),
    ("async def stats(self): return {}", 1, "stats is `async def`"),
    ("def prepare(self, new, config): yield", 1, "prepare has `yield` in it"),
    ("async def prepare(self, new, config): yield", 1, "prepare has `yield` in it"),
    ("def run(self): yield", 1, "run has `yield` in it"),
    ("def prepare(self, new): pass", 1, "cannot be called as prepare(self, new, config)"),
    ("def prepare(new, config): pass", 1, "cannot be called as prepare(self, new, config)"),
    ("def prepare(self, new, config, more): pass", 1, "cannot be called as prepare"),
    ("def prepare(self, *, new, config): pass", 1, "cannot be called as prepare"),
    ("def prepare(self, config, new): pass", 1, "the wrong way round"),
    ("def commit(self): pass", 1, "cannot be called as commit(self, staged)"),
    ("def stats(self, more): pass", 1, "cannot be called as stats(self)"),
    ("prepare = None", 1, "prepare is None, not a method"),
    ("prepare: Any = 7", 1, "prepare is 7, not a method"),
    ("@property\n    def prepare(self): return print", 2, "prepare is a property"),
    ("@contextmanager\n    def prepare(self, new, config): yield", 2, "is a context manager"),
    ("def prepares(self, new, config): raise Reject('no')", 1, "prepares is never called"),
    ("def on_prepare(self, new, config): raise Reject('no')", 1, "on_prepare is never called"),
    ("def Prepare(self, new, config): raise Reject('no')", 1, "there is no prepare"),
    ("def perpare(self, new, config): raise Reject('no')", 1, "perpare is never called"),
    ("def comit(self, staged): pass", 1, "comit is never called, and there is no commit"),
    ("def judge(self, candidate, arguments=()): return 1", 1, "judge is the library's own"),
    ("def report(self): return 'fine'", 1, "report is the library's own"),
    ("table = 'pump'\n    tables = ('pump', 'tank')", 2, "both table and tables"),
    ("tables = 'pump'", 1, "tables is 'pump'; it must be a tuple"),
    ("table = ('pump',)", 1, "it must be the name of one table"),
    ("table = 'pump.inner'", 1, "one table at the top level"),
    ("table = ''", 1, "one table at the top level"),
    ("tabel = 'pump'", 1, "tabel is not read: is `table` or `tables` meant?"),
    ("class Config(Module.Config):\n        pace: int = 3", 1, "neither table nor tables"),
    ("table = 'pump'\n    class Config(BaseModel):\n        pace: int = 3", 2, "not derived from"),
    ("table = 'pump'\n    class Settings(Module.Config):\n        pace: int = 3", 2,
     "only a class named Config is read"),
    ("tables = ('pump', 'tank')\n    class Config(Module.Config):\n        pump: int = 3", 1,
     "no field for the table tank"),
    ("tables = ('pump',)\n    class Config(Module.Config):\n        pump: int\n        tank: int",
     2, "Config.tank is in none of its tables"),
    (("table = 'pump'\n    class Config(Module.Config):\n        pace: int = 3\n"
     "        def prepare(self, new, config): raise Reject('no')"), 2, "prepare is in Config"),
    (("table = 'pump'\n    class Config(Module.Config):\n        pace: int = 3\n"
     "        @staticmethod\n        def abort(staged): pass"), 2, "abort is in Config"),
    ("table = 'pump'\ndef prepare(self, new, config): raise Reject('no')", 2,
     "prepare is outside of the class"),
    ("table = 'pump'\ndef prepare(new, config): raise Reject('no')", 2, "indent it into Pump"),
    ("table = 'pump'\ndef abort(self, staged): pass", 2, "abort is outside of the class"),
]  # fmt: skip


def loaded(directory: Path, body: str) -> type[Module]:
    """The module whose class has this body."""
    file = directory / "pump.py"
    file.write_text(f"{HEAD}    {body}\n")
    return load(str(file))


@pytest.mark.parametrize(("body", "line", "words"), AT_LOAD, ids=[case[0] for case in AT_LOAD])
def test_refused_at_load_with_its_line(tmp_path: Path, body: str, line: int, words: str) -> None:
    with pytest.raises(Unloadable) as refused:
        loaded(tmp_path, body)
    assert words in str(refused.value)
    assert f"{tmp_path / 'pump.py'}:{LINES + line}: " in str(refused.value)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(Unloadable) as refused:
        loaded(tmp_path, "def prepare(self): pass\n    async def commit(self, staged): pass")
    assert "cannot be called" in str(refused.value)
    assert "commit is `async def`" in str(refused.value)


SOUND = [
    "pass",
    "def prepare(self, *arguments): pass",
    "def prepare(self, new, config, more=None): pass",
    "def prepare(self, new, _): pass",
    "@staticmethod\n    def prepare(new, config): pass",
    "prepare = lambda self, new, config: None",
    "def prepare(self, new, config): pass\n    def prepared(self): pass",
    "def about(self): pass\n    def status(self): pass\n    def prepare_pumps(self): pass",
    "label = 'pump'",
    "def commit(self, staged): commit(self)\ndef commit(pump): pass",
    "prepare = lambda self, new, config: prepare(new, config)\ndef prepare(new, config): pass",
    "label = 'pump'\ndef commit(database): pass",
    TABLE.strip(),
]


@pytest.mark.parametrize("body", SOUND)
def test_what_is_sound_is_loaded(tmp_path: Path, body: str) -> None:
    assert loaded(tmp_path, body)


@pytest.mark.parametrize("name", BUNDLED)
def test_the_bundled_ones_are_sound(name: str) -> None:
    check(load(name))


ANYHOW: Any = Reject
"""As authors call it who do not look at types."""


class Late(Module):
    """A gate that runs later than it is asked."""

    async def prepare(self, new: Any, config: Any) -> None:
        raise Reject("never")


class Made(Module):
    """A module that was not made whole: commit would find nothing to write into."""

    def __init__(self) -> None:
        self.pumps = 3


@pytest.mark.parametrize("module", [Late, Made])
def test_other_ways_in_are_guarded_too(module: type[Module]) -> None:
    with pytest.raises(NotAModule):
        Trial(module)
    with pytest.raises(NotAModule):
        attach("ipc:///nonexistent", module())


@pytest.mark.parametrize("verb", ["prepare", "commit", "abort", "run", "stats"])
def test_a_verb_that_is_set_on_the_instance_is_refused(tmp_path: Path, verb: str) -> None:
    made = loaded(
        tmp_path,
        "def __init__(self, arguments=None):\n        super().__init__(arguments)\n"
        f"        self.{verb} = lambda *anything: None",
    )
    with pytest.raises(NotAModule) as refused:
        Trial(made)
    told = f"{tmp_path / 'pump.py'}:{LINES + 1}: it sets self.{verb}"
    assert told in str(refused.value)
    judgement = ask_within(20, "pump", made, EMPTY, None, print)
    assert judgement.reasons[0].message.startswith(f"cannot be loaded: {told}")


# When it is asked


class Gate(Module):
    """Returns from `prepare` what it is told to."""

    table = "gate"
    answer: Any = None

    class Config(Module.Config):
        pace: int = Field(3)

    def prepare(self, new: Any, config: Any) -> Any:
        return self.answer() if callable(self.answer) else self.answer


async def later() -> None:
    """Never awaited."""


def asked(answer: Any) -> StagedSettings | Refusal:
    gate = Gate()
    gate.answer = answer
    return gate.judge(EMPTY)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (later, "returned a coroutine, which nobody runs"),
        (lambda: (number for number in range(3)), "returned a generator"),
        (False, "returned False; to refuse, raise Reject"),
        (NotImplemented, "returned NotImplemented"),
        (Reject("too fast"), "returned Reject in place of raising it: too fast"),
        (lambda: Reject, "returned Reject in place of raising it"),
        (Rejects([Reject("too fast")]), "returned Rejects in place of raising it: too fast"),
        ([Reject("too fast")], "returned Reject in place of raising it: too fast"),
    ],
)
def test_what_is_no_answer_is_a_no(answer: Any, words: str) -> None:
    refused = asked(answer)
    assert isinstance(refused, Refusal)
    assert words in refused.reasons[0].message


@pytest.mark.parametrize("answer", [None, 0, "", [], True, {"a": 1}, object()])
def test_anything_else_is_staged(answer: Any) -> None:
    assert isinstance(asked(answer), StagedSettings)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Reject("too fast"),
        lambda: Rejects([Reject("too fast")]),
        lambda: [Reject("too fast")],
    ],
)
def test_an_objection_that_is_made_only_is_a_no(make: Callable[[], object]) -> None:
    def prepare() -> None:
        make()

    refused = asked(prepare)
    assert isinstance(refused, Refusal)
    assert "and did not raise it: too fast" in refused.reasons[0].message
    assert refused.reasons[0].message.startswith("prepare made a Reject")


def test_an_objection_that_was_raised_and_caught_is_none() -> None:
    def prepare() -> None:
        for objection in (Reject("too fast"), Rejects([Reject("too fast")])):
            with suppress(Reject, Rejects):
                raise objection

    assert isinstance(asked(prepare), StagedSettings)


def test_a_warning_is_no_objection() -> None:
    class Doubtful(Gate):
        def prepare(self, new: Any, config: Any) -> None:
            self.warn("rather fast")

    assert isinstance(Doubtful().judge(EMPTY), StagedSettings)


def test_rejects_of_nothing_is_a_no() -> None:
    def prepare() -> None:
        raise Rejects([])

    refused = asked(prepare)
    assert isinstance(refused, Refusal)
    assert "without a single Reject" in refused.reasons[0].message


@pytest.mark.parametrize(
    ("made", "message", "key"),
    [
        (lambda: ANYHOW(None), "refused without a word why", ("gate",)),
        (lambda: ANYHOW(" "), "refused without a word why", ("gate",)),
        (lambda: ANYHOW(7), "7", ("gate",)),
        (lambda: ANYHOW("z", key="../../no such.key"),
         "z (about '../../no such.key', which is no key and was left out)", ("gate",)),
        (lambda: ANYHOW("z", key=3), "z (about 3, which is no key and was left out)",
         ("gate",)),
        (lambda: ANYHOW("z", key=["a", 0]), "z", ("gate", "a", 0)),
        (lambda: ANYHOW("z", key=(None,)),
         "z (about (None,), which is no key and was left out)", ("gate",)),
        (lambda: ANYHOW("z", table=3), "z", ("gate",)),
    ],
)  # fmt: skip
def test_a_no_is_a_no_however_it_is_worded(
    made: Callable[[], Reject], message: str, key: tuple[str | int, ...]
) -> None:
    def prepare() -> None:
        raise made()

    refused = asked(prepare)
    assert isinstance(refused, Refusal)
    assert (refused.reasons[0].message, refused.reasons[0].key) == (message, key)


@pytest.mark.filterwarnings("error")
def test_a_commit_that_did_not_run_is_broken() -> None:
    class Pump(Module):
        def commit(self, staged: Any) -> Any:
            return later()

    with pytest.raises(TypeError, match="commit returned a coroutine"):
        Trial(Pump)


def test_a_timer_nobody_awaits_is_refused() -> None:
    with pytest.raises(TypeError, match="async def"):
        Module().every(1, later)


def test_asking_changes_nothing() -> None:
    from protocol.messages import LOAD_ARGUMENT, Argument

    gate = Gate()
    staged = gate.judge(EMPTY, (Argument(LOAD_ARGUMENT, "pace", "7"),))
    assert isinstance(staged, StagedSettings)
    assert gate.arguments == {}
    gate.take(staged)
    assert gate.arguments == {"pace": "7"}


# Validators that are predicates


def _forgets(value: int) -> Any:
    if value < 0:
        raise ValueError("must not be negative")


class Predicates(Module):
    """Validators that refuse nothing."""

    table = "gate"

    class Config(Module.Config):
        positive: Annotated[int, AfterValidator(lambda value: value > 0)] = Field(3)
        forgetful: Annotated[int, AfterValidator(_forgets)] = Field(3)
        named: str = Field("x")
        may_be: int | None = Field(None)
        flag: bool = Field(True)
        anything: Any = Field(None)

        @field_validator("named")
        @classmethod
        async def check_named(cls, value: str) -> str:
            raise ValueError("no")


@pytest.mark.filterwarnings("ignore:coroutine")
def test_a_validator_that_returns_no_value_is_a_no() -> None:
    refused = Predicates().judge(EMPTY)
    assert isinstance(refused, Refusal)
    told = {reason.key[-1]: reason.message for reason in refused.reasons}
    assert sorted(map(str, told)) == ["forgetful", "named", "positive"]
    assert "returned True in place of the value" in told["positive"]
    assert "returned None in place of the value" in told["forgetful"]
    assert "never runs" in told["named"]


def test_a_check_of_the_whole_that_returns_nothing_is_a_no() -> None:
    class Pump(Module):
        table = "gate"

        class Config(Module.Config):
            pace: int = Field(3)

            @model_validator(mode="after")
            def check(self) -> Any:
                return None

    refused = Pump().judge(EMPTY)
    assert isinstance(refused, Refusal)
    assert "must return self" in refused.reasons[0].message
