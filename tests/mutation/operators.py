# SPDX-License-Identifier: LGPL-3.0-or-later
"""How a line is made wrong: the operators of cosmic-ray that fit, and some of ours.

Cosmic-ray replaces operators, words and numbers. The mistakes of people are omissions as often: a
statement or a condition that nobody wrote. `RemoveStatement` and `DropOperand` make those.
"""

from collections.abc import Iterable, Iterator, Sequence

import parso
from cosmic_ray.exceptions import CosmicRayTestingException
from cosmic_ray.operators.exception_replacer import ExceptionReplacer
from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.operators.provider import OperatorProvider
from parso.tree import BaseNode, NodeOrLeaf, search_ancestor

Position = tuple[int, int]
Span = tuple[Position, Position]

_OF_COSMIC_RAY = (
    "ReplaceBinaryOperator_Add_Sub", "ReplaceBinaryOperator_Sub_Add",
    "ReplaceBinaryOperator_Mul_Div", "ReplaceBinaryOperator_Div_Mul",
    "ReplaceBinaryOperator_FloorDiv_Mul", "ReplaceBinaryOperator_Mod_Add",
    "ReplaceBinaryOperator_BitOr_BitAnd", "ReplaceBinaryOperator_BitAnd_BitOr",
    "ReplaceComparisonOperator_Eq_NotEq", "ReplaceComparisonOperator_NotEq_Eq",
    "ReplaceComparisonOperator_Eq_LtE", "ReplaceComparisonOperator_Eq_GtE",
    "ReplaceComparisonOperator_NotEq_Lt", "ReplaceComparisonOperator_NotEq_Gt",
    "ReplaceComparisonOperator_Lt_LtE", "ReplaceComparisonOperator_Lt_GtE",
    "ReplaceComparisonOperator_LtE_Lt", "ReplaceComparisonOperator_LtE_Gt",
    "ReplaceComparisonOperator_Gt_GtE", "ReplaceComparisonOperator_Gt_LtE",
    "ReplaceComparisonOperator_GtE_Gt", "ReplaceComparisonOperator_GtE_Lt",
    "ReplaceComparisonOperator_Is_IsNot", "ReplaceComparisonOperator_IsNot_Is",
    "ReplaceUnaryOperator_USub_UAdd", "ReplaceUnaryOperator_Delete_Not",
    "AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue",
    "ReplaceAndWithOr", "ReplaceOrWithAnd",
    "ReplaceBreakWithContinue", "ReplaceContinueWithBreak",
    "ExceptionReplacer", "NumberReplacer", "ZeroIterationForLoop",
)  # fmt: skip
"""One or two wrong signs for each right one; eleven for each would be eleven times the same."""


class RemoveStatement(Operator):  # type: ignore[misc]  # cosmic-ray has no types
    """A call, an assignment to an attribute, a `return`, a `raise` that somebody forgot."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[Span]:
        """Where: statements of functions whose absence is not merely an unknown name."""
        if _forgettable(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        """`pass` in its place."""
        assert index == 0
        return parso.parse(f"{_prefix(node)}pass")

    @classmethod
    def examples(cls) -> Iterable[Example]:
        """See `Operator.examples`."""
        return (Example("def f():\n    go()\n", "def f():\n    pass\n"),)


class DropOperand(Operator):  # type: ignore[misc]
    """`a` or `b` for `a and b`, and for `a or b`."""

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[Span]:
        """One position for each operand."""
        if isinstance(node, BaseNode) and node.type in ("and_test", "or_test"):
            for operand in node.children[::2]:
                yield operand.start_pos, operand.end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        """Without the operand of this index."""
        assert isinstance(node, BaseNode)
        first = 2 * index
        if first:
            del node.children[first - 1 : first + 1]
        else:
            prefix = _prefix(node)
            del node.children[:2]
            node.get_first_leaf().prefix = prefix
        return node

    @classmethod
    def examples(cls) -> Iterable[Example]:
        """See `Operator.examples`."""
        return (Example("a and b", "b"), Example("a and b", "a", occurrence=1))


class ReplaceException(ExceptionReplacer):  # type: ignore[misc]
    """Cosmic-ray's, which knows plain names only, for `except sqlite3.Error`, too."""

    @staticmethod
    def _name_nodes(node: BaseNode) -> Sequence[NodeOrLeaf]:
        if node.children[1].type == "atom_expr":
            return (node.children[1],)
        found: Sequence[NodeOrLeaf] = ExceptionReplacer._name_nodes(node)
        return found

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        """With an exception in its place that nobody raises."""
        assert isinstance(node, BaseNode)
        name = self._name_nodes(node)[index]
        name.get_first_leaf().value = CosmicRayTestingException.__name__
        if isinstance(name, BaseNode):
            del name.children[1:]
        return node


def operator(name: str) -> Operator:
    """By the name it has in `NAMES`."""
    ours = {
        "RemoveStatement": RemoveStatement,
        "DropOperand": DropOperand,
        "ExceptionReplacer": ReplaceException,
    }
    return ours[name]() if name in ours else OperatorProvider()[name]()


NAMES = (*_OF_COSMIC_RAY, "RemoveStatement", "DropOperand")


def _forgettable(node: NodeOrLeaf) -> bool:
    parent = node.parent
    if parent is None or parent.type != "simple_stmt" or parent.children[0] is not node:
        return False
    if search_ancestor(node, "funcdef") is None:
        return False
    if node.type in ("return_stmt", "raise_stmt", "del_stmt", "atom_expr", "yield_expr"):
        return True
    if node.type != "expr_stmt" or not isinstance(node, BaseNode):
        return False
    sets_a_part = node.children[0].type in ("atom_expr", "power")
    adds = node.children[1].type == "operator" and node.children[1].get_code().strip() != "="
    return sets_a_part or adds


def _prefix(node: NodeOrLeaf) -> str:
    prefix: str = node.get_first_leaf().prefix
    return prefix
