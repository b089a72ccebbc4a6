"""Film looks: the nodes that this pack offers."""

from artifex_film_looks.grain import Grain
from artifex_film_looks.vignette import Vignette

NODES = [Grain, Vignette]
