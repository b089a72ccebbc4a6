"""YUV to light and back: against float64, FFmpeg's swscale, and real footage that nobody changed."""

from collections.abc import Callable
from functools import partial

import av
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from bench.studio import footage
from libs.kernels import Pixels, Plane, Power, Siting, is_supported, linear_to_yuv, native, yuv_to_linear
from libs.kernels.formats import pixel_format
from tests.unit.libs.kernels.pictures import by_reference, noise

pytestmark = pytest.mark.usefixtures("variant")

TO_AP1 = np.array([[0.6131, 0.3395, 0.0474], [0.0702, 0.9164, 0.0134], [0.0206, 0.1096, 0.8698]])
FROM_AP1 = np.linalg.inv(TO_AP1)
GAMMA = Power(2.4, "mirror")

FORMATS = (
    "yuv420p",
    "yuv422p",
    "yuv440p",
    "yuv444p",
    "yuvj420p",
    "nv12",
    "nv16",
    "yuv420p10le",
    "yuv422p10le",
    "yuv444p12le",
    "p010le",
    "p210le",
    "gbrp",
    "gbrp10le",
)


def codes(name: str, height: int, width: int, seed: int = 1, low: float = 70, high: float = 180) -> list[Plane]:
    """Random codes, given as those of 8 bits."""
    layout = pixel_format(name)
    generator, step = np.random.default_rng(seed), 2 ** (layout.depth - 8)
    shapes = [layout.plane_shape(index, height, width) for index in range(layout.planes)]
    return [
        (generator.integers(int(low * step), int(high * step), shape) << layout.shift).astype(layout.dtype)
        for shape in shapes
    ]


def light(planes: list[Plane], name: str, siting: Siting = "left", rows: slice | None = None) -> Pixels:
    return yuv_to_linear(
        planes,
        format=name,
        matrix="bt709",
        full_range=name.startswith("yuvj"),
        transfer=GAMMA,
        to_working=TO_AP1,
        siting=siting,
        rows=rows,
    )


def back(
    pixels: Pixels, planes: list[Plane], name: str, siting: Siting = "left", *, clip: bool, rows: slice | None = None
) -> None:
    linear_to_yuv(
        pixels,
        from_working=FROM_AP1,
        transfer=GAMMA.inverse(),
        matrix="bt709",
        full_range=name.startswith("yuvj"),
        format=name,
        planes=planes,
        siting=siting,
        clip=clip,
        rows=rows,
    )


def in_float64(planes: list[Plane], name: str, siting: Siting) -> npt.NDArray[np.float64]:
    """The published way (BT.709, BT.1886's power), step by step, chroma by SciPy's interpolation."""
    layout = pixel_format(name)
    height, width = planes[0].shape
    wide = [(plane >> layout.shift).astype(np.float64) / 2 ** (layout.depth - 8) for plane in planes]
    if layout.interleaved:
        wide = [wide[0], wide[1][:, 0::2], wide[1][:, 1::2]]
    y, x = np.arange(height, dtype=np.float64), np.arange(width, dtype=np.float64)
    if layout.chroma_x:
        x = (x - (0.5 if siting == "center" else 0.0)) / 2
    if layout.chroma_y:
        y = (y - (0.0 if siting == "topleft" else 0.5)) / 2
    at = np.meshgrid(y, x, indexing="ij")
    cb, cr = (ndimage.map_coordinates(plane, at, order=1, mode="nearest") - 128.0 for plane in wide[1:3])
    if name.startswith("yuvj"):
        luma, cb, cr = wide[0] / 255.0, cb / 255.0, cr / 255.0
    else:
        luma, cb, cr = (wide[0] - 16.0) / 219.0, cb / 224.0, cr / 224.0
    red, blue = luma + 1.5748 * cr, luma + 1.8556 * cb
    green = (luma - 0.2126 * red - 0.0722 * blue) / 0.7152
    encoded = np.stack([red, green, blue], axis=-1)
    result: npt.NDArray[np.float64] = (np.sign(encoded) * np.abs(encoded) ** 2.4) @ TO_AP1.T
    return result


@pytest.mark.parametrize("name", [name for name in FORMATS if not name.startswith("gbr")])
@pytest.mark.parametrize("siting", ["left", "center", "topleft"])
def test_is_the_published_way_in_float64(name: str, siting: Siting) -> None:
    for height, width in ((1, 1), (2, 2), (7, 9), (16, 33), (37, 70)):
        planes = codes(name, height, width, low=16, high=235)
        got = light(planes, name, siting)
        np.testing.assert_allclose(got[..., :3], in_float64(planes, name, siting), atol=3e-6)
        assert (got[..., 3] == 1.0).all()


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "nv12"])
def test_swscale_gives_the_same_picture_to_its_own_rounding(name: str) -> None:
    height, width = 64, 96
    ramp = np.add.outer(np.arange(height), np.arange(width))
    planes = []
    for index, plane in enumerate(codes(name, height, width)):
        step = 2 ** (pixel_format(name).depth - 8)
        slope = ramp[: plane.shape[0], : plane.shape[1]] * (0.3 if index else 0.5)
        planes.append(((110 + slope) * step).astype(plane.dtype))
    frame = av.VideoFrame(width, height, name)
    for target, values in zip(frame.planes, planes, strict=True):
        view = np.frombuffer(memoryview(target), values.dtype).reshape(target.height, -1)
        view[: values.shape[0], : values.shape[1]] = values
    theirs = frame.reformat(format="gbrp16le", src_colorspace=1, dst_colorspace=1, src_color_range=1, dst_color_range=2)
    expected = np.stack(
        [np.frombuffer(memoryview(theirs.planes[i]), np.uint16).reshape(height, -1)[:, :width] for i in (2, 0, 1)],
        axis=-1,
    )
    got = yuv_to_linear(
        planes, format=name, matrix="bt709", full_range=False, transfer=Power(1.0), to_working=np.eye(3), clip=True
    )
    # swscale interpolates chroma by another filter and rounds to 8 bits on its way.
    difference = np.abs(got[2:-2, 4:-4, :3] - expected[2:-2, 4:-4] / 65535.0)
    assert difference.mean() < 1.0 / 255
    assert difference.max() < 3.0 / 255


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("siting", ["left", "center", "topleft"])
def test_agrees_with_numpy(name: str, siting: Siting) -> None:
    for height, width in ((1, 1), (3, 2), (19, 37)):
        planes = codes(name, height, width, seed=2)
        expected = by_reference(partial(light, planes, name, siting))
        np.testing.assert_allclose(light(planes, name, siting), expected, atol=2e-6)
        picture = noise(height, width, seed=3, low=-0.1, high=1.3)
        got, reference = codes(name, height, width), codes(name, height, width)
        back(picture, got, name, siting, clip=True)
        with native.using(native.NUMPY):
            back(picture, reference, name, siting, clip=True)
        for ours, theirs in zip(got, reference, strict=True):
            # Float sums in another order may tip a rounding.
            apart = np.abs(ours.astype(np.int64) - theirs) >> pixel_format(name).shift
            assert apart.max() <= 1
            assert (apart > 0).mean() < 0.02


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("siting", ["left", "center", "topleft"])
def test_a_frame_that_nobody_changed_keeps_its_codes(name: str, siting: Siting) -> None:
    """Colours inside the cube, clipped; and all codes, unclipped."""
    for size in ((1, 1), (1, 6), (2, 3), (7, 9), (16, 34), (33, 47)):
        for low, high, clip in ((110, 140, True), (16, 235, False)):
            planes = codes(name, *size, seed=4, low=low, high=high)
            again = [np.zeros_like(plane) for plane in planes]
            back(light(planes, name, siting), again, name, siting, clip=clip)
            # Near black a power has no end of slope: beyond 8 bits single steps may be lost there.
            allowed = 0 if pixel_format(name).depth == 8 or clip else 1 << pixel_format(name).shift
            for before, after in zip(planes, again, strict=True):
                assert np.abs(before.astype(np.int64) - after).max() <= allowed


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_8_bit_codes_come_back(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["yuv420p", "yuv422p", "yuv444p", "nv12"]))
    height, width = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 40))
    planes = codes(name, height, width, seed=data.draw(st.integers(0, 2**32)), low=16, high=235)
    again = [np.zeros_like(plane) for plane in planes]
    back(light(planes, name), again, name, clip=False)
    for before, after in zip(planes, again, strict=True):
        np.testing.assert_array_equal(before, after)


def test_real_footage_comes_back() -> None:
    with av.open(str(footage())) as container:
        frame = next(iter(container.decode(video=0)))
    views = []
    for index, plane in enumerate(frame.planes):
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        shape = pixel_format("yuv420p").plane_shape(index, frame.height, frame.width)
        views.append(rows[: shape[0], : shape[1]])
    again = [np.zeros_like(view) for view in views]
    back(light(views, "yuv420p"), again, "yuv420p", clip=False)
    for before, after in zip(views, again, strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p", "p010le"])
@pytest.mark.parametrize("siting", ["left", "topleft"])
def test_rows_are_as_in_the_whole(name: str, siting: Siting) -> None:
    planes = codes(name, 23, 34, seed=5)
    whole = light(planes, name, siting)
    for rows in (slice(0, 1), slice(3, 8), slice(22, 23), slice(4, 4)):
        # NumPy's and OpenCV's own loops round the last columns differently for pictures of other heights.
        np.testing.assert_allclose(light(planes, name, siting, rows), whole[rows], atol=2e-7)
    at_once, in_parts = codes(name, 23, 34), codes(name, 23, 34)
    back(whole, at_once, name, siting, clip=True)
    for rows in (slice(8, 14), slice(0, 8), slice(14, 23)):
        back(whole, in_parts, name, siting, clip=True, rows=rows)
    for once, parts in zip(at_once, in_parts, strict=True):
        np.testing.assert_array_equal(once, parts)


def test_only_the_wanted_rows_are_written_and_padding_is_left_alone() -> None:
    picture = noise(12, 18)
    padded = [np.full((rows, 40), 7, np.uint8) for rows in (12, 6, 6)]
    planes = [padded[0][:, :18], padded[1][:, :9], padded[2][:, :9]]
    back(picture, planes, "yuv420p", clip=True, rows=slice(4, 8))
    for plane, whole, rows in zip(planes, padded, ((4, 8), (2, 4), (2, 4)), strict=True):
        assert (whole[:, plane.shape[1] :] == 7).all()
        assert (whole[: rows[0]] == 7).all()
        assert (whole[rows[1] :] == 7).all()
        assert (plane[rows[0] : rows[1]] != 7).any()


def test_alpha_is_straight_and_multiplied_in() -> None:
    planes = codes("yuva444p", 9, 21, seed=6)
    opaque = light(planes[:3], "yuv444p")
    got = light(planes, "yuva444p")
    alpha = planes[3][..., None].astype(np.float64) / 255.0
    np.testing.assert_allclose(got[..., 3:], alpha, atol=1e-7)
    np.testing.assert_allclose(got[..., :3], opaque[..., :3] * alpha, atol=1e-6)


@pytest.mark.parametrize("clip", [True, False])
def test_what_is_no_number_is_black_and_infinity_is_clipped(clip: bool) -> None:
    picture = np.full((8, 8, 4), 0.2, np.float32)
    picture[3, 3, :3] = np.nan
    picture[6, 6, :3] = np.inf
    planes, plain = codes("yuv444p", 8, 8), codes("yuv444p", 8, 8)
    back(picture, planes, "yuv444p", clip=clip)
    back(np.full((8, 8, 4), 0.2, np.float32), plain, "yuv444p", clip=clip)
    assert [int(plane[3, 3]) for plane in planes] == [16, 128, 128]
    if clip:
        # The infinity is one of the working space: out of it some channels are +∞, others −∞ or no number.
        assert all(16 <= int(plane[6, 6]) <= 240 for plane in planes)
    for plane, other in zip(planes, plain, strict=True):
        plane[3, 3] = other[3, 3]
        plane[6, 6] = other[6, 6]
        np.testing.assert_array_equal(plane, other)


def test_what_does_not_fit_is_refused() -> None:
    assert is_supported("yuv420p10le")
    assert not is_supported("pal8")
    planes = codes("yuv420p", 8, 8)
    refusals: list[tuple[str, Callable[[], object]]] = [
        ("no kernel reads the pixel format 'rgb24'", lambda: light(planes, "rgb24")),
        ("has 3 planes, not 2", lambda: light(planes[:2], "yuv420p")),
        ("plane 1 of yuv422p", lambda: light(planes, "yuv422p")),
        ("holds uint16", lambda: light(planes, "yuv420p10le")),
        ("step of 1", lambda: light(planes, "yuv420p", rows=slice(0, 8, 2))),
        ("cut through a row of chroma", lambda: back(noise(8, 8), planes, "yuv420p", clip=True, rows=slice(1, 4))),
        ("does not fill", lambda: back(noise(8, 9), planes, "yuv420p", clip=True)),
        ("writes no alpha", lambda: back(noise(8, 8), codes("yuva420p", 8, 8), "yuva420p", clip=True)),
    ]
    for message, call in refusals:
        with pytest.raises(ValueError, match=message):
            call()
    frozen = codes("yuv444p", 4, 4)
    frozen[1].flags.writeable = False
    with pytest.raises(ValueError, match="cannot be written"):
        back(noise(4, 4), frozen, "yuv444p", clip=True)
