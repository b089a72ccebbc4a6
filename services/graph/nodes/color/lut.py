"""LUT."""

from typing import Final

import PyOpenColorIO as ocio

from artifex.nodes import Asset, Choice, Colour, MediaSource
from services.graph.nodes.color.change import ColourChange
from services.graph.nodes.color.spaces import SPACES, into, limited, out_of

SAME: Final = "same"
_INTERPOLATIONS: Final = {
    # The best there is for each table: tetrahedral between the points of a lattice, linear along a curve.
    "tetrahedral": ocio.INTERP_BEST,
    "trilinear": ocio.INTERP_LINEAR,
}


class LUT(ColourChange):
    """Applies a look from a file: .cube (Resolve's and Iridas', 1D and 3D), .clf, .3dl, .spi1d, .spi3d or .csp.

    With L what the file says, I and O the ways from the working space to the input and output spaces, on straight
    colour c:

        c + mix · (O⁻¹(L(I(c))) − c)

    A look is made for one space and means nothing in another: most .cube files that people pass on are made for
    "display", pictures as players show them; those of cameras' makers take the camera's logarithm and give "display".
    Tables hold what they were made for and no more: values beyond their domain become those at its border, so a look
    in a display space ends at its white, and one in a logarithm keeps highlights. Files are read by OpenColorIO, and
    tables looked up as it does. Between the points of a lattice: tetrahedral interpolation (J. M. Kasson, S. I. Nin,
    W. Plouffe, J. L. Hafner, Performing Color Space Conversions with Three-Dimensional Linear Interpolation, 1995),
    which keeps greys grey, or trilinear. Alpha does not change.

    Memory: the frame, changed in place; mixed, a part of it more. Cost: one pass, shared with neighbouring colour nodes
    unless it is mixed.
    """

    version = "1.1.0"

    asset = Asset(doc="The look: a .cube, .clf, .3dl, .spi1d, .spi3d or .csp file.", holds="look")
    interpolation = Choice(
        "tetrahedral", choices=tuple(_INTERPOLATIONS), doc="How colours between the points of a 3D table are found."
    )
    input_space = Choice("display", choices=SPACES, doc="The space that the look takes.")
    output_space = Choice(SAME, choices=(SAME, *SPACES), doc="The space that the look gives; mostly the same.")

    def transforms(self, colour: Colour, source: MediaSource | None) -> list[ocio.Transform]:
        if source is None:
            raise LookupError("the look's file was not opened")
        after = self.input_space if self.output_space == SAME else self.output_space
        table = ocio.FileTransform(str(source.path), interpolation=_INTERPOLATIONS[self.interpolation])
        working = colour.working_space
        return [*into(self.input_space, working), table, limited(after), *out_of(after, working)]
