"""What one may say of a scene, in English and Korean."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from services.generator.training.world import Attributes

_SHAPES: Final = {
    "circle": ("circle", "circle", "ball", "disc"),
    "square": ("square", "square", "box"),
    "triangle": ("triangle",),
}
_COUNTS: Final = {1: ("a", "one"), 2: ("two",)}
_GO: Final = ("moving", "sliding", "drifting", "going", "gliding")
_MOVE: Final = ("moves", "slides", "drifts", "goes", "glides")
_OVER: Final = ("over", "on", "across", "in front of")
_WAYS: Final = {
    "right": ("right", "to the right", "rightwards", "from left to right"),
    "left": ("left", "to the left", "leftwards", "from right to left"),
    "up": ("up", "upwards", "to the top"),
    "down": ("down", "downwards", "to the bottom"),
}
_STILL: Final = ("standing still", "not moving", "resting")
_SIZES: Final = {"small": ("small", "little", "tiny"), "": ("",), "large": ("large", "big", "huge")}
_GRAY: Final = {"gray": ("gray", "grey")}

_KO_SHAPES: Final = {"circle": ("원", "동그라미"), "square": ("사각형", "네모"), "triangle": ("삼각형", "세모")}
_KO_COLOURS: Final = {
    "red": ("빨간", "빨간색"),
    "green": ("초록색", "녹색"),
    "blue": ("파란", "파란색"),
    "yellow": ("노란", "노란색"),
    "purple": ("보라색",),
    "orange": ("주황색",),
    "white": ("하얀", "흰색"),
    "black": ("검은", "검은색"),
    "gray": ("회색",),
}
_KO_WAYS: Final = {"right": "오른쪽으로", "left": "왼쪽으로", "up": "위로", "down": "아래로"}
_KO_SIZES: Final = {"small": ("작은",), "": ("",), "large": ("큰", "커다란")}
_KO_COUNTS: Final = {1: "", 2: "두 개"}


def caption(attributes: Attributes, rng: np.random.Generator) -> str:
    """A sentence that tells all attributes; three of four are English."""
    return english(attributes, rng) if rng.random() < 0.75 else korean(attributes, rng)


def plain(attributes: Attributes) -> str:
    """The plainest sentence: "a red circle moving right over a blue background"."""
    what = attributes
    noun = _noun(what.shape, what.count)
    way = "standing still" if what.motion == "still" else f"moving {what.motion}"
    words = (_COUNTS[what.count][0], what.size, what.colour, noun, way, "over a", what.background, "background")
    return _joined(*words)


def english(attributes: Attributes, rng: np.random.Generator) -> str:
    what = attributes
    many = what.count > 1
    noun = _noun(_pick(rng, _SHAPES[what.shape]), what.count)
    count = _pick(rng, _COUNTS[what.count])
    size = _pick(rng, _SIZES[what.size])
    ground = _pick(rng, _GRAY.get(what.background, (what.background,)))
    still = what.motion == "still"
    way = _pick(rng, _STILL if still else _WAYS[what.motion])
    going = way if still else f"{_pick(rng, _GO)} {way}"
    over = _pick(rng, _OVER)
    match int(rng.integers(5)):
        case 0 | 1:
            return _joined(count, size, what.colour, noun, going, over, "a", ground, "background")
        case 2:
            verb = _pick(rng, _MOVE)
            verb = ("rest" if many else "rests") if still else (_bare(verb) if many else verb)
            return _joined(count, size, what.colour, noun, verb, "" if still else way, over, "a", ground, "background")
        case 3:
            return _joined("on a", ground, "background,", count, size, what.colour, noun, going)
        case _:
            return _joined(ground, "background.", count, size, what.colour, noun, going + ".").capitalize()


def korean(attributes: Attributes, rng: np.random.Generator) -> str:
    what = attributes
    shape = _pick(rng, _KO_SHAPES[what.shape])
    colour, ground = _pick(rng, _KO_COLOURS[what.colour]), _pick(rng, _KO_COLOURS[what.background])
    size, count = _pick(rng, _KO_SIZES[what.size]), _KO_COUNTS[what.count]
    still = what.motion == "still"
    going = "멈춰 있는" if still else f"{_KO_WAYS[what.motion]} 움직이는"
    moves = "멈춰 있다" if still else f"{_KO_WAYS[what.motion]} 움직인다"
    if rng.random() < 0.5:
        return _joined(ground, "배경 위에서", going, size, colour, shape, count)
    return _joined(size, colour, _subject(_joined(shape, count)), ground, "배경 위에서", moves)


def _subject(noun: str) -> str:
    """The noun with the particle of a subject, which goes by whether it ends in a consonant."""
    return noun + ("이" if (ord(noun[-1]) - 0xAC00) % 28 else "가")


def _noun(word: str, count: int) -> str:
    return word if count == 1 else "boxes" if word == "box" else f"{word}s"


def _bare(verb: str) -> str:
    return "go" if verb == "goes" else verb.removesuffix("s")


def _pick(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]


def _joined(*words: str) -> str:
    text = " ".join(word for word in words if word)
    return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)
