/* Tells of which sources a library was made, so that an old one is never taken for these. */
#include "vector.h"

EXPORT const char *artifex_sources(void) { return ARTIFEX_SOURCES; }
