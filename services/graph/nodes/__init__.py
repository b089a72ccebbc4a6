"""The built-in nodes, one file each, written with the public authoring API."""

from typing import Final

from artifex.nodes import Node
from services.graph.nodes.audio.audio_mixer import AudioMixer
from services.graph.nodes.color.cdl import CDL
from services.graph.nodes.color.color_corrector import ColorCorrector
from services.graph.nodes.color.color_space import ColorSpace
from services.graph.nodes.color.color_wheels import ColorWheels
from services.graph.nodes.color.curves import Curves
from services.graph.nodes.color.film_emulation import FilmEmulation
from services.graph.nodes.color.hdr_grading import HDRGrading
from services.graph.nodes.color.lut import LUT
from services.graph.nodes.composite.alpha_ops import AlphaOps
from services.graph.nodes.composite.channel_shuffle import ChannelShuffle
from services.graph.nodes.composite.key_mixer import KeyMixer
from services.graph.nodes.composite.mask import Mask
from services.graph.nodes.composite.merge import Merge
from services.graph.nodes.composite.roto import Roto
from services.graph.nodes.effect.blur import Blur
from services.graph.nodes.effect.chroma_key import ChromaKey
from services.graph.nodes.effect.distortion import Distortion
from services.graph.nodes.effect.glow import Glow
from services.graph.nodes.effect.lens_flare import LensFlare
from services.graph.nodes.effect.particles import Particles
from services.graph.nodes.effect.transition import Transition
from services.graph.nodes.generator.i2v_generator import I2VGenerator
from services.graph.nodes.generator.t2v_generator import T2VGenerator
from services.graph.nodes.generator.ti2v_generator import TI2VGenerator
from services.graph.nodes.input.audio_input import AudioInput
from services.graph.nodes.input.media_input import MediaInput
from services.graph.nodes.input.sequence_input import SequenceInput
from services.graph.nodes.input.subtitle_input import SubtitleInput
from services.graph.nodes.input.text_input import TextInput
from services.graph.nodes.output.file_output import FileOutput
from services.graph.nodes.output.viewer import Viewer
from services.graph.nodes.process.upscaler import Upscaler
from services.graph.nodes.time.frame_interpolation import FrameInterpolation
from services.graph.nodes.time.speed_ramp import SpeedRamp
from services.graph.nodes.time.time_remap import TimeRemap
from services.graph.nodes.transform.corner_pin import CornerPin
from services.graph.nodes.transform.crop import Crop
from services.graph.nodes.transform.flip import Flip
from services.graph.nodes.transform.perspective_warp import PerspectiveWarp
from services.graph.nodes.transform.transform2d import Transform2D
from services.graph.nodes.transform.transform3d import Transform3D

BUILTIN: Final[tuple[type[Node], ...]] = (
    AlphaOps,
    AudioInput,
    AudioMixer,
    Blur,
    CDL,
    ChannelShuffle,
    ChromaKey,
    ColorCorrector,
    ColorSpace,
    ColorWheels,
    CornerPin,
    Crop,
    Curves,
    Distortion,
    FileOutput,
    FilmEmulation,
    Flip,
    FrameInterpolation,
    Glow,
    HDRGrading,
    I2VGenerator,
    KeyMixer,
    LUT,
    LensFlare,
    Mask,
    MediaInput,
    Merge,
    Particles,
    PerspectiveWarp,
    Roto,
    SequenceInput,
    SpeedRamp,
    SubtitleInput,
    T2VGenerator,
    TI2VGenerator,
    TextInput,
    TimeRemap,
    Transform2D,
    Transform3D,
    Transition,
    Upscaler,
    Viewer,
)
