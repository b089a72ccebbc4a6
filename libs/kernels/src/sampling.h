/* Filters at their own width, and sums over the samples that they weigh; see libs.kernels.weights.
 *
 * Box has no width of its own: it is as wide as what it averages (widened.h).
 */
#pragma once

#include <math.h>

#include "vector.h"

enum { NEAREST = 0, BILINEAR = 1, CUBIC = 2, MITCHELL = 3, LANCZOS4 = 4, BOX = 5 };
static const int TAPS[] = {1, 2, 4, 4, 8, 0};

typedef struct {
    const float *pixels;
    int64_t stride, height, width;
} picture;

/* Beyond this many pixels a point is outside of every picture. */
#define FAR 1e7

/* The weights of a point that lies f behind a sample, in the first lanes. A filter's pieces are polynomials in f, one
 * for each tap, so a cubic takes three steps of Horner's rule for all of its taps at once. */
INLINE v8 weights_of(int filter, float f) {
    if (filter == NEAREST) return (v8){1.0f};
    if (filter == BILINEAR) return (v8){1.0f - f, f};
    if (filter == CUBIC) { /* Keys, a = -1/2 */
        const v8 c3 = {-0.5f, 1.5f, -1.5f, 0.5f}, c2 = {1.0f, -2.5f, 2.0f, -0.5f}, c1 = {-0.5f, 0.0f, 0.5f, 0.0f};
        return ((c3 * f + c2) * f + c1) * f + (v8){0.0f, 1.0f, 0.0f, 0.0f};
    }
    if (filter == MITCHELL) { /* B = C = 1/3 */
        const v8 c3 = {-7 / 18.0f, 7 / 6.0f, -7 / 6.0f, 7 / 18.0f}, c2 = {5 / 6.0f, -2.0f, 1.5f, -1 / 3.0f};
        const v8 c1 = {-0.5f, 0.0f, 0.5f, 0.0f}, c0 = {1 / 18.0f, 8 / 9.0f, 1 / 18.0f, 0.0f};
        return ((c3 * f + c2) * f + c1) * f + c0;
    }
    /* sinc(t) sinc(t/4) at t = f + 3 .. f - 4, scaled to the sum of 1: sin(pi t) sin(pi t/4) / t². sin(pi t) differs
     * between the samples by its sign only and cancels in the scaling; sin(pi t/4) turns by an eighth from each to the
     * next, so it is made of sin(pi f/4) and cos(pi f/4), here by their series, within 1e-8. */
    if (f < 1e-6f) return (v8){0, 0, 0, 1.0f};
    if (f > 1.0f - 1e-6f) return (v8){0, 0, 0, 0, 1.0f};
    const float r = 0.70710678118654752440f;
    float a = f * 0.78539816339744830962f, s = a * a;
    float sine = a * (1.0f + s * (-1.0f / 6 + s * (1.0f / 120 + s * (-1.0f / 5040 + s * (1.0f / 362880)))));
    float cosine = 1.0f + s * (-0.5f + s * (1.0f / 24 + s * (-1.0f / 720 + s * (1.0f / 40320))));
    const v8 of_sine = {r, 0.0f, -r, 1.0f, -r, 0.0f, r, -1.0f};
    const v8 of_cosine = {-r, 1.0f, -r, 0.0f, r, -1.0f, r, 0.0f};
    v8 t = f + (v8){3.0f, 2.0f, 1.0f, 0.0f, -1.0f, -2.0f, -3.0f, -4.0f};
    v8 w = (of_sine * sine + of_cosine * cosine) / (t * t);
    v4 halves = w.lo + w.hi;
    return w * (1.0f / ((halves.x + halves.y) + (halves.z + halves.w)));
}

/* A sum over `n` rows of `n` pixels whose taps all lie inside. */
INLINE v4 inside(const float *at, int64_t stride, int n, v8 wx, v8 wy) {
    if (n == 1) return load4(at);
    if (n == 2) {
        v8 sum = load8(at) * wy[0] + load8(row_in(at, stride, 1)) * wy[1];
        return sum.lo * wx[0] + sum.hi * wx[1];
    }
    v16 left = splat(0), right = splat(0);
    for (int i = 0; i < n; i++) {
        const float *row = row_in(at, stride, i);
        left = fma16(load16(row), splat(wy[i]), left);
        if (n == 8) right = fma16(load16(row + 16), splat(wy[i]), right);
    }
    left *= for_pixels(wx.lo);
    if (n == 8) left = fma16(right, for_pixels(wx.hi), left);
    v8 half = left.lo + left.hi;
    return half.lo + half.hi;
}

/* The same where some taps lie outside, which is transparent. */
static v4 at_edge(const picture *from, int64_t x, int64_t y, int n, v8 wx, v8 wy) {
    v4 sum = (v4)0.0f;
    for (int i = 0; i < n; i++) {
        if (y + i < 0 || y + i >= from->height) continue;
        const float *row = row_in(from->pixels, from->stride, y + i);
        v4 line = (v4)0.0f;
        for (int j = 0; j < n; j++)
            if (x + j >= 0 && x + j < from->width) line += load4(row + 4 * (x + j)) * wx[j];
        sum += line * wy[i];
    }
    return sum;
}

static float single_at(const picture *from, int64_t x, int64_t y, int n, v8 wx, v8 wy) {
    float sum = 0.0f;
    for (int i = 0; i < n; i++) {
        if (y + i < 0 || y + i >= from->height) continue;
        const float *row = row_in(from->pixels, from->stride, y + i);
        float line = 0.0f;
        for (int j = 0; j < n; j++)
            if (x + j >= 0 && x + j < from->width) line += row[x + j] * wx[j];
        sum += line * wy[i];
    }
    return sum;
}
