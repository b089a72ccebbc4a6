/* Filters made as wide as a pixel of the result steps in the picture, and sums by them. */
#pragma once

#include "sampling.h"

/* Steps are taken as no longer than that. */
static const double WIDEST = 4096.0;

static const double REACH[] = {0.5, 1.0, 2.0, 2.0, 4.0, 0.5};

/* Filters at distances of 0 and more, in steps. */
INLINE v16 pieces(int filter, v16 t) {
    const v16 none = splat(0);
    if (filter == BILINEAR) return max16(1.0f - t, none);
    v16 near, far;
    if (filter == CUBIC) {
        near = (1.5f * t - 2.5f) * t * t + 1.0f;
        far = ((-0.5f * t + 2.5f) * t - 4.0f) * t + 2.0f;
    } else {
        near = (7 / 6.0f * t - 2.0f) * t * t + 8 / 9.0f;
        far = ((-7 / 18.0f * t + 2.0f) * t - 10 / 3.0f) * t + 16 / 9.0f;
    }
    return t < 1.0f ? near : t < 2.0f ? far : none;
}

INLINE float total(v16 a) {
    v8 half = a.lo + a.hi;
    v4 quarter = half.lo + half.hi;
    return (quarter.x + quarter.y) + (quarter.z + quarter.w);
}

/* The most weights that a step of `s` needs, and room for what is stored at once. */
static int64_t most_weights(double s) { return (int64_t)(8.0 * s) + 3 + LANES; }

/* Lanczos' weights of samples low .. high, before scaling; `weights` are those of first .. last. Returns their sum. */
static float windowed_sincs(double p, double s, int64_t low, int64_t high, int64_t first, int64_t last, float *weights) {
    /* Sines turn by the same from each sample to the next. */
    const double turn = 3.14159265358979323846 / s, t = ((double)low - p) * turn;
    double sine = sin(t), cosine = cos(t), slow_sine = sin(t / 4), slow_cosine = cos(t / 4);
    double ds = sin(turn), dc = cos(turn), qs = sin(turn / 4), qc = cos(turn / 4), sum = 0.0;
    for (int64_t i = low; i <= high; i++) {
        double x = ((double)i - p) * turn;
        float weight = x > -1e-4 && x < 1e-4 ? 1.0f : (float)(4.0 * sine * slow_sine / (x * x));
        double next = sine * dc + cosine * ds;
        cosine = cosine * dc - sine * ds;
        sine = next;
        next = slow_sine * qc + slow_cosine * qs;
        slow_cosine = slow_cosine * qc - slow_sine * qs;
        slow_sine = next;
        sum += weight;
        if (i >= first && i <= last) weights[i - first] = weight;
    }
    return (float)sum;
}

/* Weights of the samples 0 .. size - 1 around p for a step of s, of the sum of 1 with those that lie outside. Box
 * weighs a sample by how much of its pixel lies within s / 2 of p. Returns how many there are, from `first` on. */
INLINE int64_t widened(int filter, double p, double s, int64_t size, int64_t *first, float *weights) {
    double reach = REACH[filter] * s;
    int64_t low, high;
    if (filter == BOX) {
        low = (int64_t)floor(p - reach + 0.5);
        high = (int64_t)ceil(p + reach + 0.5) - 1;
    } else {
        low = (int64_t)ceil(p - reach);
        high = (int64_t)floor(p + reach);
    }
    *first = most(low, 0);
    int64_t last = least(high, size - 1);
    float sum = 0.0f;
    if (filter == LANCZOS4) {
        sum = windowed_sincs(p, s, low, high, *first, last, weights);
    } else {
        const v16 lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, none = splat(0);
        const float inverse = (float)(1.0 / s), side = (float)reach;
        for (int64_t i = low; i <= high; i += LANES) {
            v16 at = (float)((double)i - p) + lanes, w;
            if (filter == BOX) w = max16(min16(at + 0.5f, splat(side)) - max16(at - 0.5f, splat(-side)), none);
            else w = pieces(filter, abs16(at) * inverse);
            w = lanes < (float)(high - i + 1) ? w : none;
            sum += total(w);
            if (i >= *first) {
                if (i <= last) store16(weights + (i - *first), w);
            } else {
                for (int64_t k = *first - i; k < LANES && i + k <= last; k++) weights[i + k - *first] = w[k];
            }
        }
    }
    int64_t count = most(0, last - *first + 1);
    float scale = sum != 0.0f ? 1.0f / sum : 0.0f;
    for (int64_t k = 0; k < count; k += LANES) store16(weights + k, load16(weights + k) * scale);
    return count;
}

/* A sum over `ny` rows of `nx` pixels from (x, y) on, all of which lie inside. */
INLINE v4 wide_sum(const picture *from, int channels, int64_t x, int64_t nx, const float *wx, int64_t y, int64_t ny,
                   const float *wy) {
    v4 sum = (v4)0.0f;
    for (int64_t i = 0; i < ny; i++) {
        const float *row = row_in(from->pixels, from->stride, y + i) + channels * x;
        if (channels == 1) {
            float line = 0.0f;
            for (int64_t j = 0; j < nx; j++) line += row[j] * wx[j];
            sum[0] += line * wy[i];
            continue;
        }
        v16 wide = splat(0);
        int64_t j = 0;
        for (; j + 4 <= nx; j += 4) wide = fma16(load16(row + 4 * j), for_pixels(load4(wx + j)), wide);
        v8 half = wide.lo + wide.hi;
        v4 line = half.lo + half.hi;
        for (; j < nx; j++) line += load4(row + 4 * j) * wx[j];
        sum += line * wy[i];
    }
    return sum;
}
