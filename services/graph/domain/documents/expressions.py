"""The language of `{"expr": "…"}`: arithmetic over time, and nothing else.

    sum        = product (("+" | "-") product)*           comparison = sum (("<" | "<=" | …) sum)*
    product    = sign (("*" | "/" | "%") sign)*           sign       = "-" sign | power
    power      = atom ("**" sign)?                        atom       = number | name | call | "(" comparison ")"

Names are `t` (seconds), `frame`, `fps`, `width`, `height`, `pi`, `tau`, `e` and the node's other numbers. Comparisons
give 1 or 0. There are no loops, no assignments, no attributes and no strings; a program's length bounds its time. It is
evaluated on numbers or on whole arrays of them, so `if` computes both of its branches. `docs/graph-format.md` lists the
functions.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

MAX_LENGTH: Final = 1000
MAX_DEPTH: Final = 40

Value = Any
"""A float64 or an array of them."""

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)|(?P<name>[A-Za-z_]\w*)|(?P<sign>\*\*|<=|>=|==|!=|[-+*/%<>(),]))",
    re.ASCII,
)

_OPERATORS: Final[dict[str, Callable[[Value, Value], Value]]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.mod,
    "**": np.power,
    "<": lambda a, b: np.less(a, b) * 1.0,
    "<=": lambda a, b: np.less_equal(a, b) * 1.0,
    ">": lambda a, b: np.greater(a, b) * 1.0,
    ">=": lambda a, b: np.greater_equal(a, b) * 1.0,
    "==": lambda a, b: np.equal(a, b) * 1.0,
    "!=": lambda a, b: np.not_equal(a, b) * 1.0,
}
_BINDING: Final = {
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), 1),
    **dict.fromkeys("+-", 2),
    **dict.fromkeys("*/%", 3),
    "**": 5,
}
_SIGN_BINDING: Final = 4

FUNCTIONS: Final[dict[str, tuple[int, int, Callable[..., Value]]]] = {
    "sin": (1, 1, np.sin),
    "cos": (1, 1, np.cos),
    "tan": (1, 1, np.tan),
    "asin": (1, 1, np.arcsin),
    "acos": (1, 1, np.arccos),
    "atan": (1, 1, np.arctan),
    "atan2": (2, 2, np.arctan2),
    "radians": (1, 1, np.radians),
    "degrees": (1, 1, np.degrees),
    "hypot": (2, 2, np.hypot),
    "sqrt": (1, 1, np.sqrt),
    "exp": (1, 1, np.exp),
    "log": (1, 1, np.log),
    "log2": (1, 1, np.log2),
    "log10": (1, 1, np.log10),
    "abs": (1, 1, np.abs),
    "floor": (1, 1, np.floor),
    "ceil": (1, 1, np.ceil),
    "round": (1, 1, lambda x: np.floor(x + 0.5)),
    "fract": (1, 1, lambda x: x - np.floor(x)),
    "sign": (1, 1, np.sign),
    "pow": (2, 2, np.power),
    "min": (2, 8, lambda *values: _reduce(np.minimum, values)),
    "max": (2, 8, lambda *values: _reduce(np.maximum, values)),
    "clamp": (3, 3, lambda x, low, high: np.minimum(np.maximum(x, low), high)),
    "step": (2, 2, lambda edge, x: np.greater_equal(x, edge) * 1.0),
    "smoothstep": (3, 3, lambda low, high, x: _smooth(np.clip((x - low) / (high - low), 0.0, 1.0))),
    "lerp": (3, 3, lambda a, b, u: a + (b - a) * u),
    "and": (2, 8, lambda *values: _reduce(lambda a, b: np.logical_and(a, b) * 1.0, values)),
    "or": (2, 8, lambda *values: _reduce(lambda a, b: np.logical_or(a, b) * 1.0, values)),
    "not": (1, 1, lambda x: np.equal(x, 0) * 1.0),
    "noise": (1, 2, lambda x, seed=0.0: _noise(x, seed)),
    "if": (3, 3, lambda condition, a, b: np.where(np.not_equal(condition, 0), a, b)),
}
"""By name: the fewest and the most arguments, and what it does."""

CONSTANTS: Final = {"pi": math.pi, "tau": math.tau, "e": math.e}


class ExpressionError(ValueError):
    """The text is no expression; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Program:
    """A parsed expression: instructions for a stack, so that evaluating it does not recurse."""

    source: str
    names: frozenset[str]
    """The names it reads."""
    instructions: tuple[tuple[str, Any], ...]

    def evaluate(self, names: Mapping[str, Value]) -> Value:
        """The value where `names` have these values; may be infinite or no number, as 1 / 0 is."""
        stack: list[Value] = []
        with np.errstate(all="ignore"):
            for operation, operand in self.instructions:
                if operation == "number":
                    stack.append(np.float64(operand))
                elif operation == "name":
                    stack.append(names[operand])
                else:
                    function, count = operand
                    arguments = stack[len(stack) - count :]
                    del stack[len(stack) - count :]
                    stack.append(function(*arguments))
        return stack[0]


def parse(source: str) -> Program:
    """Reads an expression. Raises ExpressionError."""
    if len(source) > MAX_LENGTH:
        raise ExpressionError(f"longer than {MAX_LENGTH} characters")
    parser = _Parser(source)
    parser.expression(0, 0)
    if parser.kind:
        raise ExpressionError(f'"{parser.text}" is not expected at character {parser.at + 1}')
    names = frozenset(operand for operation, operand in parser.instructions if operation == "name")
    return Program(source, names, tuple(parser.instructions))


class _Parser:
    """Precedence climbing: what binds tighter is read first."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.position = 0
        self.instructions: list[tuple[str, Any]] = []
        self.advance()

    def advance(self) -> None:
        """Reads the next token into `kind` and `text`; at the end both are empty."""
        match = _TOKEN.match(self.source, self.position)
        self.kind, self.text, self.at = "", "", self.position
        if match is not None:
            self.kind = match.lastgroup or ""
            self.text = match[self.kind]
            self.at = match.start(self.kind)
            self.position = match.end()
        elif self.source[self.position :].strip():
            place = len(self.source) - len(self.source[self.position :].lstrip())
            raise ExpressionError(f'"{self.source[place]}" is not understood at character {place + 1}')

    def expect(self, text: str) -> None:
        if self.text != text:
            found = f'"{self.text}"' if self.kind else "the end"
            raise ExpressionError(f'"{text}" is expected at character {self.at + 1}, not {found}')
        self.advance()

    def expression(self, binding: int, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise ExpressionError("nested too deeply")
        self.operand(depth)
        while self.kind == "sign" and _BINDING.get(self.text, 0) > binding:
            operator = self.text
            self.advance()
            # A power takes all that follows: 2 ** 3 ** 2 is 2 ** 9, and its exponent may have a sign.
            self.expression(_SIGN_BINDING - 1 if operator == "**" else _BINDING[operator], depth + 1)
            self.instructions.append(("call", (_OPERATORS[operator], 2)))

    def operand(self, depth: int) -> None:
        kind, text, at = self.kind, self.text, self.at
        if not kind:
            raise ExpressionError("something is missing at the end")
        self.advance()
        if kind == "number":
            self.instructions.append(("number", float(text)))
        elif kind == "name" and self.text == "(":
            self.call(text, at, depth)
        elif kind == "name":
            self.instructions.append(("number", CONSTANTS[text]) if text in CONSTANTS else ("name", text))
        elif text == "(":
            self.expression(0, depth + 1)
            self.expect(")")
        elif text == "-":
            self.expression(_SIGN_BINDING, depth + 1)
            self.instructions.append(("call", (np.negative, 1)))
        else:
            raise ExpressionError(f'"{text}" is not expected at character {at + 1}')

    def call(self, name: str, at: int, depth: int) -> None:
        if name not in FUNCTIONS:
            raise ExpressionError(f'there is no function "{name}" (character {at + 1}); known: {", ".join(FUNCTIONS)}')
        fewest, most, function = FUNCTIONS[name]
        self.expect("(")
        count = 0
        while True:
            self.expression(0, depth + 1)
            count += 1
            if self.text != ",":
                break
            self.advance()
        self.expect(")")
        if not fewest <= count <= most:
            raise ExpressionError(f'"{name}" takes {fewest if fewest == most else f"{fewest} to {most}"} arguments')
        self.instructions.append(("call", (function, count)))


def _reduce(function: Callable[[Value, Value], Value], values: tuple[Value, ...]) -> Value:
    result = values[0]
    for value in values[1:]:
        result = function(result, value)
    return result


def _smooth(u: Value) -> Value:
    return u * u * (3.0 - 2.0 * u)


def _noise(x: Value, seed: Value) -> Value:
    """Between -1 and 1, smooth in x, the same for the same x and seed on every machine.

    Value noise (K. Perlin, An Image Synthesizer, 1985, with values for gradients): random at whole numbers, and between
    them led by a smooth step.
    """
    whole = np.floor(x)
    low, high = _random(whole, seed), _random(whole + 1.0, seed)
    return low + (high - low) * _smooth(x - whole)


def _random(x: Value, seed: Value) -> Value:
    """A number from -1 to 1 for every whole x and seed: the finisher of MurmurHash3, of both."""
    with np.errstate(over="ignore"):
        bits = (_bits(x) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + _bits(np.floor(seed))
        for shift, factor in ((33, 0xFF51AFD7ED558CCD), (33, 0xC4CEB9FE1A85EC53)):
            bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    return (bits >> np.uint64(11)).astype(np.float64) / 2.0**52 - 1.0


def _bits(x: Value) -> Value:
    """Whole numbers as they wrap around in 64 bits; what is none, or too large, is 0."""
    inside = np.where(np.abs(x) < 2.0**62, x, 0.0)
    return np.asarray(inside, dtype=np.float64).astype(np.int64).astype(np.uint64)
