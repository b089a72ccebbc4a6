"""Loops over pixels, fast: one small C library in variants for the processor's vector units, and the same in NumPy.
Only colour has no NumPy: where there is no library, OpenColorIO does it.

Pictures are float32 [height, width, channels], premultiplied where they hold alpha, contiguous in the last two axes;
rows may be strided, so strips of larger arrays pass without a copy. Results go to `out` where it is given. Kernels hold
no state, release the interpreter's lock and may be called from any thread.
"""

from libs.kernels.blur import gaussian, gaussian_reach
from libs.kernels.composite import merge, over, premultiply, unpremultiply, with_alpha
from libs.kernels.convolution import convolve
from libs.kernels.coverage import coverage, feather
from libs.kernels.flare import flare
from libs.kernels.flow import flow_agreement, flow_between
from libs.kernels.formats import is_supported
from libs.kernels.grading import grade
from libs.kernels.half import from_half, to_half
from libs.kernels.highlights import highlights, mix
from libs.kernels.keying import chroma_key
from libs.kernels.light import light_level
from libs.kernels.masking import gradient, range_key
from libs.kernels.morphology import morphology, morphology_reach
from libs.kernels.places import Lens, Places, lens_places, mesh_places
from libs.kernels.radial import radial
from libs.kernels.resampling import resample
from libs.kernels.sprites import draw_sprites
from libs.kernels.types import Filter, Matrix, Negative, Pixels, Plane, Power, Rule, Siting, Table, Transfer
from libs.kernels.video import linear_to_yuv, yuv_to_linear
from libs.kernels.warping import Halves, project, warp

__all__ = [
    "Filter",
    "Halves",
    "Lens",
    "Matrix",
    "Negative",
    "Pixels",
    "Places",
    "Plane",
    "Power",
    "Rule",
    "Siting",
    "Table",
    "Transfer",
    "chroma_key",
    "convolve",
    "coverage",
    "draw_sprites",
    "feather",
    "flare",
    "flow_agreement",
    "flow_between",
    "from_half",
    "gaussian",
    "gaussian_reach",
    "grade",
    "gradient",
    "highlights",
    "is_supported",
    "lens_places",
    "light_level",
    "linear_to_yuv",
    "merge",
    "mesh_places",
    "mix",
    "morphology",
    "morphology_reach",
    "over",
    "premultiply",
    "project",
    "radial",
    "range_key",
    "resample",
    "to_half",
    "unpremultiply",
    "warp",
    "with_alpha",
    "yuv_to_linear",
]
