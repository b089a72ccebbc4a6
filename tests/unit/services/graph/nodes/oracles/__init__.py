"""Nodes against judges that nobody here wrote: OpenColorIO, OpenImageIO, SciPy, OpenCV, FFmpeg, and published formulas
in float64. The tests hold the errors to their tolerances, and the benchmark `exactness` prints them."""
