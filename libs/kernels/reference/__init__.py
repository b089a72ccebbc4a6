"""The kernels in NumPy and OpenCV: what the native ones are held to, and what runs where there is no native library."""
