# SPDX-License-Identifier: LGPL-3.0-or-later
"""A secret is shown to nobody: whatever the module tells, it is not in it."""

import json
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, SecretBytes, SecretStr

from participant import FSD, Field, Module, Reject, Settings
from participant.describe import describe, description
from participant.settings.example import example
from participant.settings.layers import Tables
from participant.testing import Refused, Trial
from protocol import limits
from protocol.configuration import Configuration
from protocol.messages import LOAD_ARGUMENT, Argument
from protocol.secrets import MASK, masked

DEFAULT, GIVEN, OTHER = "hunter2-default", "hunter2-given", "hunter2-other"


def _quotes(value: str) -> str:
    if "bad" in value:
        raise ValueError(f"{value} will not do")
    return value


class User(Settings):
    """One of a table with free keys."""

    token: SecretStr = Field(DEFAULT)
    label: str = Field("x")


class Vault(Settings):
    """A table that is secret with all that is in it."""

    key: str = Field(DEFAULT)
    size: int = Field(70421)


class Pump(Module):
    """A module with secrets wherever there can be one."""

    table = "pump"

    class Config(Module.Config):
        pace: FSD = Field("10s")
        password: SecretStr = Field(DEFAULT, description="for the door")
        none: SecretStr | None = Field(None)
        raw: SecretBytes | None = Field(None)
        pin: int = Field(70421, secret=True)
        quoted: Annotated[str, AfterValidator(_quotes)] = Field(DEFAULT, secret=True, restart=True)
        wait: FSD = Field("70421s", secret=True)
        vault: Vault = Field(default_factory=Vault, secret=True)
        users: dict[str, User] = Field(default_factory=dict)
        many: list[User] = Field(default_factory=lambda: [User()])

    config: Config

    def prepare(self, new: Config, config: object) -> None:
        if new.pace > 100:
            raise Reject(f"not with {new.password.get_secret_value()} and {new.pin}", key="pace")

    def stats(self) -> dict[str, object]:
        return {"door": f"opened with {self.config.password.get_secret_value()}", "n": [1, 2]}


TOML = f"""
[pump]
password = "{GIVEN}"
none = "{GIVEN}"
pin = 90817
quoted = "{GIVEN}"
wait = "90817s"
vault = {{ key = "{GIVEN}", size = 90817 }}
users.me.token = "{GIVEN}"
many = [{{ token = "{GIVEN}", label = "mine" }}]
"""


def clean(text: str) -> bool:
    return not any(secret in text for secret in ("hunter2", "70421", "90817"))


def trial() -> Trial[Pump]:
    return Trial(Pump, TOML, arguments=[f"quoted={OTHER}"])


def test_the_module_itself_has_them() -> None:
    config = trial().config
    assert config.password.get_secret_value() == GIVEN
    assert config.vault.key == GIVEN
    assert config.many[0].token.get_secret_value() == GIVEN
    assert Trial(Pump).config.password.get_secret_value() == DEFAULT


def test_the_report_tells_that_there_is_one_and_whence() -> None:
    run = trial()
    run.set("quoted=hunter2-new")
    report = json.loads(run.module.report())["values"]
    assert clean(json.dumps(report))
    assert report["password"] == {"value": MASK, "origin": "configuration"}
    assert report["quoted"]["pending"]["value"] == MASK
    assert report["quoted"]["origin"] == "load argument"
    assert report["none"]["value"] == MASK
    assert report["raw"]["value"] is None
    assert report["users"]["value"] == {"me": {"token": MASK}}
    assert report["many"]["value"] == [{"token": MASK, "label": "mine"}]
    assert report["pace"]["value"] == "10s"


def test_the_description_has_no_defaults_of_secrets() -> None:
    told = describe(Pump)
    assert clean(told)
    assert [path for path in json.loads(told)["secrets"] if path[1] in ("password", "users")] == [
        ["pump", "password"],
        ["pump", "users", "*", "token"],
    ]
    assert ["pump", "vault"] in json.loads(told)["secrets"]


def test_a_description_that_is_too_long_still_tells_what_is_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "DESCRIPTION_BYTES", 500)
    assert json.loads(describe(Pump)).keys() == {"secrets"}


def test_the_example_has_none_and_is_accepted() -> None:
    told = description(Pump)
    text = example(told["schema"], Tables(("pump",), single=True), told["purpose"])
    assert clean(text)
    assert "# password =" in text.splitlines()
    assert "for the door (string, secret)" in text
    assert Trial(Pump, text).config.password.get_secret_value() == DEFAULT


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("quoted = 'hunter2-bad'", "pump.quoted"),
        ("wait = 'hunter2-soon'", "pump.wait"),
        ("vault.size = 'hunter2-size'", "pump.vault.size"),
        ("users.me.token = 90817", "pump.users.me.token"),
        ("pin = 'hunter2'", "pump.pin"),
    ],
)
def test_no_reason_quotes_one(text: str, key: str) -> None:
    with pytest.raises(Refused) as refused:
        Trial(Pump, f"[pump]\n{text}")
    assert clean(str(refused.value))
    assert key in str(refused.value)


def test_the_authors_own_words_are_cleaned() -> None:
    run = trial()
    with pytest.raises(Refused) as refused:
        run.set("pace=200s")
    assert f"not with {MASK} and {MASK}" in str(refused.value)


@pytest.mark.parametrize(
    "quoted",
    [
        lambda new: new.password.get_secret_value(),
        lambda new: new.pin,
        lambda new: new.wait,
        lambda new: new.vault.key,
        lambda new: new.many[0].token.get_secret_value(),
    ],
)
def test_a_secret_that_is_a_default_is_one_too(quoted: Callable[[Any], object]) -> None:
    class Telling(Pump):
        def prepare(self, new: Any, config: object) -> None:
            raise Reject(f"not with {quoted(new)}", key="pace")

    with pytest.raises(Refused) as refused:
        Trial(Telling)
    assert f"not with {MASK}" in str(refused.value)


def test_a_name_in_stats_is_cleaned() -> None:
    class Telling(Pump):
        def stats(self) -> dict[str, object]:
            return {self.config.password.get_secret_value(): 1}

    module = Trial(Telling).module
    assert module.without_secrets(module.stats()) == {MASK: 1}


def test_a_fault_of_the_author_is_told_without() -> None:
    run = trial()
    assert clean(json.dumps(run.module.without_secrets(run.module.stats())))
    assert run.module.without_secrets(f"KeyError: '{GIVEN}'") == f"KeyError: '{MASK}'"
    assert clean(repr(run.config))


def test_the_candidate_is_a_secret_before_it_is_taken() -> None:
    module = Pump()
    module.judge(Configuration.of({}), (Argument(LOAD_ARGUMENT, "password", OTHER),))
    assert module.without_secrets(OTHER) == MASK


@pytest.mark.parametrize(
    ("patterns", "shown"),
    [
        ([()], MASK),
        ([("a", "b")], {"a": {"b": MASK, "c": [1, 2]}, "n": None}),
        ([("a", "*")], {"a": {"b": MASK, "c": MASK}, "n": None}),
        ([("a", "c", "*")], {"a": {"b": 1, "c": [MASK, MASK]}, "n": None}),
        ([("n",), ("x",)], {"a": {"b": 1, "c": [1, 2]}, "n": None}),
    ],
)
def test_masking(patterns: list[tuple[str, ...]], shown: Any) -> None:
    assert masked({"a": {"b": 1, "c": [1, 2]}, "n": None}, patterns) == shown
