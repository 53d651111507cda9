# SPDX-License-Identifier: LGPL-3.0-or-later
"""Files with [[modules]]: what is read of them, and what is refused, with its place."""

from pathlib import Path

import pytest

from coordinator.files.module_files import read_module_files
from coordinator.files.reading import Unreadable


def reasons(directory: Path) -> list[str]:
    with pytest.raises(Unreadable) as refused:
        read_module_files(str(directory))
    return [str(reason) for reason in refused.value.reasons]


def test_entries_come_in_the_order_of_files_and_of_writing(tmp_path: Path) -> None:
    (tmp_path / "20-b.toml").write_text('[[modules]]\nname = "c"\n')
    (tmp_path / "10-a.toml").write_text(
        '[[modules]]\nname = "b"\nmodule = "./b.py"\nargs = ["x.y=1", "z=a=b"]\n'
        '[[modules]]\nname = "a"\n[[modules]]\nname = "off"\ndisabled = true\n'
    )
    (tmp_path / "README").write_text("not looked at")
    first, second, third = read_module_files(str(tmp_path))
    assert (first.name, first.module) == ("b", "./b.py")
    assert first.arguments == (("x.y", "1"), ("z", "a=b"))
    assert (second.name, second.module, second.arguments) == ("a", "a", ())
    assert str(second.place) == f"{tmp_path}/10-a.toml:6:1"
    assert third.name == "c"
    assert read_module_files(str(tmp_path)) == (first, second, third)


@pytest.mark.parametrize(
    ("text", "told", "place"),
    [
        ('[[modules]]\nmodule = "x"\n', "modules[0]: has no name", "1:3"),
        ('[[modules]]\nname = ""\n', "modules[0].name: is no name for a module", "2:1"),
        ("[[modules]]\nname = 7\n", "modules[0].name: is no name for a module", "2:1"),
        ('[[modules]]\nname = "a"\nmodule = 7\n', "modules[0].module: must be the name or", "3:1"),
        ('[[modules]]\nname = "a"\nargs = "x=1"\n', "args: must be an array of strings", "3:1"),
        ('[[modules]]\nname = "a"\nargs = ["x"]\n', "'x' is no assignment", "3:9"),
        ('[[modules]]\nname = "a"\nargs = [7]\n', "must be a string: KEY=VALUE", "3:9"),
        ('[[modules]]\nname = "a"\nargs = ["=1"]\n', "'=1' is no assignment", "3:9"),
        ('[[modules]]\nname = "a"\nargs = ["a..b=1"]\n', "is not a dotted key", "3:9"),
        ('[[modules]]\nname = "a"\ndisabled = 1\n', "disabled: must be true or false", "3:1"),
        (
            '[[modules]]\nname = "a"\nranks = "0"\n',
            "modules[0].ranks: a key of flux-modprobe(1) that is not here: there is one broker",
            "3:1",
        ),
        ('[[modules]]\nname = "a"\nnmae = "b"\n', "modules[0].nmae: unknown key", "3:1"),
        ('a.ranks = "0"\n', "modprobe: a: only [[modules]] is known here", "1:1"),
        ("modules = 7\n", "modules: must be an array of tables", "1:1"),
        ("modules = [7]\n", "modules[0]: must be a table", "1:12"),
        ('[modules]\nname = "a"\n', "modules: must be an array of tables", "1:2"),
        ("[[modules]\n", "config: expected", "1:1"),
    ],
)
def test_a_fault_is_told_with_its_place(tmp_path: Path, text: str, told: str, place: str) -> None:
    (tmp_path / "a.toml").write_text(text)
    (reason,) = reasons(tmp_path)
    assert told in reason
    assert f"({tmp_path}/a.toml:{place}" in reason


def test_a_name_is_given_once_and_all_faults_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[[modules]]\nname = "a"\n')
    (tmp_path / "b.toml").write_text('\n[[modules]]\nname = "a"\n[[modules]]\nargs = 1\n')
    nameless, args, twice = reasons(tmp_path)
    assert "has no name" in nameless
    assert "must be an array" in args
    assert "the name a is given twice; the other is at" in twice
    assert f"{tmp_path}/a.toml:2:1 ({tmp_path}/b.toml:3:1)" in twice
