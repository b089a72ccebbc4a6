"""Transfer curves and the matrix to the working space, on every code of a 16-bit picture: against OCIO and float64."""

import numpy as np
import numpy.typing as npt
import PyOpenColorIO as ocio
import pytest

from libs.kernels import Matrix, Negative, Pixels, Power, Table, Transfer, native, yuv_to_linear
from libs.kernels.formats import pixel_format, to_rgb
from tests.unit.libs.kernels.pictures import by_reference

pytestmark = pytest.mark.usefixtures("variant")

TO_AP1 = np.array([[0.6131, 0.3395, 0.0474], [0.0702, 0.9164, 0.0134], [0.0206, 0.1096, 0.8698]])
CODES = np.arange(65536, dtype=np.uint16).reshape(256, 256)


def converted(transfer: Transfer, matrix: Matrix, *, full_range: bool = True) -> Pixels:
    """All codes as grey, but for the channels' order: G, B and R differ."""
    planes = [CODES, CODES[::-1].copy(), CODES.T.copy()]
    return yuv_to_linear(
        planes, format="gbrp16le", matrix="gbr", full_range=full_range, transfer=transfer, to_working=matrix
    )


def signal(*, full_range: bool = True) -> npt.NDArray[np.float64]:
    """The R'G'B' of these codes, beyond 0..1 in limited range."""
    codes = np.stack([CODES.T, CODES, CODES[::-1]], axis=-1).astype(np.float64)
    return codes / 65535.0 if full_range else (codes - 16 * 256.0) / (219 * 256.0)


def ocios(transforms: list[ocio.Transform], *, full_range: bool = True) -> Pixels:
    pixels = np.ones((256, 256, 4), np.float32)
    pixels[..., :3] = signal(full_range=full_range)
    group = ocio.GroupTransform(transforms)
    processor = ocio.Config.CreateRaw().getProcessor(group)
    processor.getOptimizedCPUProcessor(ocio.OPTIMIZATION_NONE).applyRGBA(pixels)
    return pixels


@pytest.mark.parametrize(
    ("negative", "style"),
    [("pass", ocio.NEGATIVE_PASS_THRU), ("mirror", ocio.NEGATIVE_MIRROR), ("clamp", ocio.NEGATIVE_CLAMP)],
)
@pytest.mark.parametrize("exponent", [2.4, 1.0 / 2.4, 1.0, 0.5])
def test_powers_are_those_of_ocio(exponent: float, negative: Negative, style: ocio.NegativeStyle) -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = TO_AP1
    expected = ocios(
        [
            ocio.ExponentTransform(value=[exponent] * 3 + [1.0], negativeStyle=style),
            ocio.MatrixTransform(matrix.ravel().tolist()),
        ],
        full_range=False,
    )
    got = converted(Power(exponent, negative), TO_AP1, full_range=False)
    np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("exponent", [1 / 3.0, 1 / 2.4, 0.8, 1.2, 1.8, 2.2, 2.4, 2.6, 3.0])
def test_powers_are_right_to_the_last_digits(variant: str, exponent: float) -> None:
    # The signal as the kernel itself has it, in float32: what is measured is the curve alone.
    exact = converted(Power(1.0), np.eye(3))[..., :3].astype(np.float64) ** exponent
    got = converted(Power(exponent), np.eye(3))[..., :3].astype(np.float64)
    lit = exact > 0.0
    # NumPy's float32 power knows the exponent, too, as a float32 only.
    assert np.abs(got[lit] / exact[lit] - 1.0).max() <= (1.5e-6 if variant == native.NUMPY else 2.5e-7)
    assert not got[~lit].any()


@pytest.mark.parametrize("curve", ["CURVE - ST-2084_to_LINEAR", "CURVE - HLG-OETF-INVERSE"])
def test_tables_are_the_curves_of_ocio(curve: str) -> None:
    transform = ocio.BuiltinTransform(curve)
    processor = ocio.Config.CreateRaw().getProcessor(transform).getOptimizedCPUProcessor(ocio.OPTIMIZATION_NONE)

    def sampled(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        pixels = np.ones((1, values.size, 4), np.float32)
        pixels[0, :, :3] = np.clip(values, -1.1, 1.1)[:, None]
        processor.applyRGBA(pixels)
        return pixels[0, :, 0].copy()

    expected = ocios([transform])[..., :3]
    got = converted(Table.sample(sampled), np.eye(3))[..., :3]
    assert np.abs(got - expected).max() <= 1e-5 * np.abs(expected).max()
    # Dark values are right by themselves too, not only against the brightest.
    dark = expected > 1e-4
    assert np.abs(got[dark] / expected[dark] - 1.0).max() < 5e-5


def test_tables_hold_both_signs_zero_and_the_farthest() -> None:
    def cubed(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        return values.astype(np.float64) ** 3 + 0.25

    table = Table.sample(cubed)
    got = converted(table, np.eye(3), full_range=False)[..., :3]
    # The line between the samples around zero is straight, its error 1e-7 at most.
    np.testing.assert_allclose(got, signal(full_range=False) ** 3 + 0.25, atol=2e-6)
    with pytest.raises(ValueError, match="gave back"):
        Table.sample(lambda values: values[:5])


@pytest.mark.parametrize("depth", [8, 9, 10, 12, 14, 16])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", ["bt709", "smpte170m", "bt2020nc"])
def test_matrices_take_the_standards_colours_to_themselves(depth: int, full_range: bool, matrix: str) -> None:
    """ITU-R BT.709-6, table 3: white, black and the primaries' own codes."""
    name = "yuv444p" if depth == 8 else f"yuv444p{depth}le"
    codes_to_rgb = to_rgb(pixel_format(name), matrix, full_range)
    step = 2 ** (depth - 8)
    black, white = (0, 2**depth - 1) if full_range else (16 * step, 235 * step)
    grey = 128 * step
    np.testing.assert_allclose(codes_to_rgb @ [black, grey, grey, 1], 0.0, atol=1e-12)
    np.testing.assert_allclose(codes_to_rgb @ [white, grey, grey, 1], 1.0, atol=1e-12)
    if not full_range:
        # The farthest blue-yellow and red-cyan differences: B' − Y' and R' − Y' of a pure primary.
        blue = codes_to_rgb @ [black, 240 * step, grey, 1]
        kb = {"bt709": 0.0722, "smpte170m": 0.114, "bt2020nc": 0.0593}[matrix]
        assert blue[2] == pytest.approx(1.0 - kb, abs=1e-9)


def test_variants_agree_on_clipped_signals() -> None:
    def kernel() -> Pixels:
        return yuv_to_linear(
            [CODES, CODES.T.copy(), CODES[::-1].copy()],
            format="yuv444p16le",
            matrix="bt709",
            full_range=False,
            transfer=Power(2.4, "mirror"),
            to_working=np.eye(3),
            clip=True,
        )

    got = kernel()
    assert got.min() >= 0.0
    assert got.max() <= 1.0 + 1e-6
    np.testing.assert_allclose(got, by_reference(kernel), atol=2e-6)


def test_exponents_out_of_reason_are_refused() -> None:
    for exponent in (0.0, -1.0, float("nan"), 1000.0):
        with pytest.raises(ValueError, match="exponent"):
            Power(exponent)
    assert Power(2.4, "mirror").inverse() == Power(1 / 2.4, "mirror")
