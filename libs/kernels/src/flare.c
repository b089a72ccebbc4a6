/* Light that a lens scatters, added to a picture: ghosts, rings and streaks, each channel with its own size.
 *
 * All shapes end somewhere, so that a small one costs little: bump(x) is (1 - x²)³ within 1, and 0 beyond.
 */
#include <math.h>

#include "vector.h"

enum { CHANNELS = 3, BLADES = 16 };

/* Filled by libs/kernels/flare.py. Coordinates are of the document, with a pixel's centre at +½. */
typedef struct {
    float x[CHANNELS], y[CHANNELS], radius[CHANNELS], strength[CHANNELS];
    float edge;   /* pixels in which it fades out, inwards */
    float hollow; /* 1: nothing in the middle */
} ghost;

typedef struct {
    float x, y;
    float radius[CHANNELS], strength[CHANNELS];
    float width; /* to each side of the radius */
} ring;

typedef struct {
    float x, y, along_x, along_y; /* the direction has length 1 */
    float length[CHANNELS], strength[CHANNELS];
    float width; /* to each side */
} streak;

/* A disc that falls off as 1 / (1 + (r/core)²), and ends at the radius. */
typedef struct {
    float x, y;
    float radius[CHANNELS], strength[CHANNELS];
    float core;
} glow;

typedef struct {
    const ghost *ghosts;
    const ring *rings;
    const streak *streaks;
    const glow *glows;
    int64_t ghost_count, ring_count, streak_count, glow_count;
    float blade_x[BLADES], blade_y[BLADES]; /* of each blade, the normal, over the cosine of half its angle */
    int64_t blades;
    float roundness;
} flare;

INLINE v16 bump(v16 x) {
    v16 rest = max16(1.0f - x * x, splat(0.0f));
    return rest * rest * rest;
}

INLINE v16 root(v16 x) { return __builtin_elementwise_sqrt(x); }

INLINE float greatest(const float *of) { return fmaxf(of[0], fmaxf(of[1], of[2])); }

/* Whether sixteen pixels from (x, y) on come within `reach` of a point. */
INLINE int near(float x, float y, float px, float py, float reach) {
    return fabsf(y - py) < reach && x + 16.0f > px - reach && x < px + reach;
}

INLINE v16 ghost_at(const flare *of, const ghost *g, int c, v16 x, float y) {
    v16 dx = x - g->x[c], dy = splat(y - g->y[c]), far = splat(-1e30f);
    for (int64_t k = 0; k < of->blades; k++) far = max16(far, dx * of->blade_x[k] + dy * of->blade_y[k]);
    v16 r = root(dx * dx + dy * dy);
    far = far + of->roundness * (r - far);
    v16 u = clipped((g->radius[c] - far) * (1.0f / g->edge), 0.0f, 1.0f);
    v16 part = far * (1.0f / g->radius[c]);
    return u * u * (3.0f - 2.0f * u) * (1.0f - g->hollow + g->hollow * part * part);
}

INLINE v16 ring_at(const ring *r, int c, v16 dx, float dy) {
    return bump((root(dx * dx + dy * dy) - r->radius[c]) * (1.0f / r->width));
}

INLINE v16 streak_at(const streak *s, int c, v16 dx, float dy) {
    v16 along = (dx * s->along_x + dy * s->along_y) * (1.0f / s->length[c]);
    v16 across = (dy * s->along_x - dx * s->along_y) * (1.0f / s->width);
    return bump(across) * bump(along) / (1.0f + 64.0f * along * along);
}

INLINE v16 glow_at(const glow *g, int c, v16 dx, float dy) {
    v16 square = dx * dx + dy * dy;
    v16 core = 1.0f / (1.0f + square * (1.0f / (g->core * g->core)));
    return core * bump(root(square) * (1.0f / g->radius[c]));
}

/* Sixteen pixels of a row, the first with its centre at (x, y): the light of each channel. */
INLINE int light_at(const flare *of, float x, float y, v16 sums[CHANNELS]) {
    const v16 steps = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    v16 at = x + steps;
    int any = 0;
    for (int64_t i = 0; i < of->ghost_count; i++) {
        const ghost *g = of->ghosts + i;
        for (int c = 0; c < CHANNELS; c++) {
            if (!near(x, y, g->x[c], g->y[c], g->radius[c])) continue;
            sums[c] += ghost_at(of, g, c, at, y) * g->strength[c];
            any = 1;
        }
    }
    for (int64_t i = 0; i < of->ring_count; i++) {
        const ring *r = of->rings + i;
        if (!near(x, y, r->x, r->y, greatest(r->radius) + r->width)) continue;
        for (int c = 0; c < CHANNELS; c++) sums[c] += ring_at(r, c, at - r->x, y - r->y) * r->strength[c];
        any = 1;
    }
    for (int64_t i = 0; i < of->streak_count; i++) {
        const streak *s = of->streaks + i;
        if (!near(x, y, s->x, s->y, greatest(s->length) + s->width)) continue;
        for (int c = 0; c < CHANNELS; c++) sums[c] += streak_at(s, c, at - s->x, y - s->y) * s->strength[c];
        any = 1;
    }
    for (int64_t i = 0; i < of->glow_count; i++) {
        const glow *g = of->glows + i;
        if (!near(x, y, g->x, g->y, greatest(g->radius))) continue;
        for (int c = 0; c < CHANNELS; c++) sums[c] += glow_at(g, c, at - g->x, y - g->y) * g->strength[c];
        any = 1;
    }
    return any;
}

/* Adds to rows first .. first + count - 1; the picture's first pixel covers the document's (x, y). Alpha stays. */
EXPORT void artifex_flare(float *pixels, int64_t stride, int64_t width, int64_t x, int64_t y, int64_t first,
                          int64_t count, const flare *of) {
    for (int64_t row = first; row < first + count; row++) {
        float *to = row_at(pixels, stride, row);
        for (int64_t column = 0; column < width; column += LANES) {
            v16 sums[CHANNELS] = {splat(0), splat(0), splat(0)};
            if (!light_at(of, (float)(x + column) + 0.5f, (float)(y + row) + 0.5f, sums)) continue;
            planar p = load_planar_part(to + 4 * column, width - column);
            p.r += sums[0];
            p.g += sums[1];
            p.b += sums[2];
            store_planar_part(to + 4 * column, p, width - column);
        }
    }
}
