import numpy as np
import pytest

from artifex.nodes import Frame, Window
from services.graph.domain.evaluate.colour import DISPLAY, WorkingColour
from services.graph.nodes.color import spaces
from services.graph.nodes.output.viewer import Viewer
from tests.unit.services.graph.nodes.oracles.pictures import HEIGHT, WIDTH, chart
from tests.unit.services.graph.nodes.oracles.viewer import shown
from tests.unit.services.graph.support import node, picture


def test_rec709_is_what_files_hold() -> None:
    assert spaces.DISPLAY == DISPLAY
    frame = chart()
    encoded = frame.pixels.copy()
    WorkingColour("ACEScg").encode(encoded)
    np.testing.assert_array_equal(shown(frame), np.clip(encoded[..., :3], 0, 1))


def test_raw_shows_the_numbers() -> None:
    frame = chart()
    np.testing.assert_array_equal(shown(frame, view="raw"), np.clip(frame.pixels[..., :3], 0, 1))


@pytest.mark.parametrize(("channel", "index"), [("red", 0), ("green", 1), ("blue", 2)])
def test_one_channel_is_shown_as_grey(channel: str, index: int) -> None:
    frame = chart()
    expected = np.repeat(np.clip(frame.pixels[..., index : index + 1], 0, 1), 3, -1)
    np.testing.assert_array_equal(shown(frame, view="raw", channel=channel), expected)


def test_alpha_and_luminance() -> None:
    frame = chart()
    np.testing.assert_array_equal(shown(frame, channel="alpha"), np.repeat(frame.pixels[..., 3:], 3, -1))
    luma = frame.pixels[..., :3].astype(np.float64) @ np.array(WorkingColour("ACEScg").luma)
    np.testing.assert_allclose(shown(frame, view="raw", channel="luminance")[..., 0], np.clip(luma, 0, 1), atol=1e-6)


def test_exposure_and_gamma_are_for_looking() -> None:
    frame = Frame(np.full((HEIGHT, WIDTH, 4), 0.2, np.float32))
    np.testing.assert_allclose(shown(frame, view="raw", exposure=1.0), 0.4, atol=1e-6)
    np.testing.assert_allclose(shown(frame, view="raw", gamma=2.0), 0.2**0.5, atol=2e-5)
    before = frame.pixels.copy()
    shown(frame, exposure=3.0)
    np.testing.assert_array_equal(frame.pixels, before)


@pytest.mark.parametrize("view", Viewer.view.choices)
@pytest.mark.parametrize("channel", Viewer.channel.choices)
def test_every_view_is_a_picture_for_a_screen(view: str, channel: str) -> None:
    pixels = picture(1, 20, 10)
    pixels[3, 3] = [np.nan, np.inf, -np.inf, 1.0]
    result = shown(Frame(pixels, 5, 5), view=view, channel=channel, exposure=1.0, gamma=1.3)
    assert result.shape == (HEIGHT, WIDTH, 3)
    assert np.isfinite(result).all()
    assert result.min() >= 0.0
    assert result.max() <= 1.0


def test_a_part_and_nothing_at_all() -> None:
    colour, viewer = WorkingColour("ACEScg"), node(Viewer)
    part = viewer.show(chart(), Window(10, 12, 7, 5), colour)
    np.testing.assert_array_equal(part, shown(chart())[12:17, 10:17])
    np.testing.assert_allclose(viewer.show(Frame.empty(), Window(0, 0, 3, 2), colour), np.zeros((2, 3, 3)), atol=1e-6)
    assert viewer.show(Frame.empty(), Window(0, 0, 0, 0), colour).shape == (0, 0, 3)


def test_it_ends_a_graph_without_being_an_output_to_render() -> None:
    assert Viewer.monitor
    assert not Viewer.schema.outputs
