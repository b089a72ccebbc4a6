"""Transfer curves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from libs.kernels.types import TABLE_HIGHEST, TABLE_LOWEST, TABLE_STEPS, Power, Table, Transfer

_STEP_BITS = 23 - (TABLE_STEPS.bit_length() - 1)
_FIRST = (TABLE_LOWEST + 127) << 23 >> _STEP_BITS
_COUNT = (TABLE_HIGHEST - TABLE_LOWEST) * TABLE_STEPS

Values = npt.NDArray[np.float32]


@np.errstate(all="ignore")
def apply(curve: Transfer, values: Values) -> Values:
    """The curve at each value, as a new array."""
    return _power(curve, values) if isinstance(curve, Power) else _table(curve, values)


def _power(curve: Power, values: Values) -> Values:
    if curve.exponent == 1.0 and curve.negative != "clamp":
        return values.copy()
    size = np.abs(values)
    raised = np.power(size, np.float32(curve.exponent))
    if curve.negative == "pass":
        return np.where(values < 0.0, values, raised)
    if curve.negative == "clamp":
        return np.where(values < 0.0, np.float32(0.0), raised)
    return np.copysign(raised, values)


def _table(curve: Table, values: Values) -> Values:
    size = np.abs(values)
    bits = size.view(np.uint32)
    # 0 is the stretch from f(0) to the lowest octave; it is measured in values, all others in bits.
    index = np.clip((bits >> _STEP_BITS).astype(np.int64) - _FIRST, -1, _COUNT - 1) + 1
    fraction = (bits & np.uint32((1 << _STEP_BITS) - 1)).astype(np.float32) * np.float32(0.5**_STEP_BITS)
    fraction = np.where(index == 0, size * np.float32(0.5**TABLE_LOWEST), fraction)
    fraction = np.where(size >= 2.0**TABLE_HIGHEST, np.float32(1.0), fraction)
    index += np.where(np.signbit(values), _COUNT + 2, 0)
    low, high = curve.values[index], curve.values[index + 1]
    return np.where(np.isnan(values), values, low + (high - low) * fraction).astype(np.float32)
