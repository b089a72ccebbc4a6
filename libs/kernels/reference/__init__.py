"""The kernels in NumPy and OpenCV: what the native ones are held to, and what runs where there is no native library.

NumPy's warnings are switched off in them: what becomes of a NaN or an infinity is the formula's matter, and the native
kernels say nothing of it either.
"""
