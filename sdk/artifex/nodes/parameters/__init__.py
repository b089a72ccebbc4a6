"""Typed, bounded parameters, declared as class attributes of a node:

    exposure = Float(0.0, minimum=-20, maximum=20, unit="stops", doc="…")

On the class the attribute is the descriptor; on a node, which always stands at one time, it is the value at that time,
rightly typed (`self.exposure` is a float).
"""

from artifex.nodes.parameters.asset import Asset
from artifex.nodes.parameters.base import REQUIRED, Parameter, ParameterType, Required
from artifex.nodes.parameters.numbers import Float, Integer, Time
from artifex.nodes.parameters.points import Column, Points, Rows
from artifex.nodes.parameters.rate import Rate, Travelled
from artifex.nodes.parameters.vectors import Color, Pair, Rgba, Triple, Vector2, Vector3
from artifex.nodes.parameters.words import Boolean, Choice, String

__all__ = [
    "REQUIRED",
    "Asset",
    "Boolean",
    "Choice",
    "Color",
    "Column",
    "Float",
    "Integer",
    "Pair",
    "Parameter",
    "ParameterType",
    "Points",
    "Rate",
    "Required",
    "Rgba",
    "Rows",
    "String",
    "Time",
    "Travelled",
    "Triple",
    "Vector2",
    "Vector3",
]
