/* Optical flow put to use: where two flows agree, what moves where at a time between two pictures, and the picture
 * there. The formulas are those of libs.kernels.flow. Flows are float32 [height, width, 2], across and down, dense.
 */
#include <math.h>

#include "vector.h"

/* Weight of a point whose flows disagree, beside 1: it counts where nothing better comes to lie. */
#define DOUBTED 0.001f
/* What is seen in one picture alone is hidden behind what is seen in both, which weighs so much more. */
#define HIDDEN 3.0f

/* `low` of what is no number. */
INLINE float clamped(float x, float low, float high) { return x > low ? x < high ? x : high : low; }
INLINE int64_t index_in(int64_t i, int64_t size) { return most(0, least(size - 1, i)); }

/* 1 inside of the picture's sample centres, falling to 0 within a pixel. */
INLINE float covered(float x, float y, float width, float height) {
    float across = clamped(x + 1.0f < width - x ? x + 1.0f : width - x, 0.0f, 1.0f);
    float down = clamped(y + 1.0f < height - y ? y + 1.0f : height - y, 0.0f, 1.0f);
    return across * down;
}

EXPORT void artifex_flow_agreement(const float *there, const float *back, int64_t height, int64_t width, int64_t first,
                                   int64_t count, float *out) {
    float right = (float)(width - 1), bottom = (float)(height - 1);
    for (int64_t y = first; y < first + count; y++) {
        for (int64_t x = 0; x < width; x++) {
            const float *f = there + 2 * (y * width + x);
            float px = (float)x + f[0], py = (float)y + f[1];
            float agreed = 0.0f;
            if (px >= -0.5f && py >= -0.5f && px <= right + 0.5f && py <= bottom + 0.5f) {
                px = clamped(px, 0.0f, right);
                py = clamped(py, 0.0f, bottom);
                int64_t left = least((int64_t)px, most(0, width - 2)), top = least((int64_t)py, most(0, height - 2));
                float fx = px - (float)left, fy = py - (float)top;
                const float *g = back + 2 * (top * width + left);
                int64_t on = width > 1 ? 2 : 0, under = height > 1 ? 2 * width : 0;
                float gx = (g[0] * (1 - fx) + g[on] * fx) * (1 - fy) + (g[under] * (1 - fx) + g[under + on] * fx) * fy;
                g++;
                float gy = (g[0] * (1 - fx) + g[on] * fx) * (1 - fy) + (g[under] * (1 - fx) + g[under + on] * fx) * fy;
                float dx = f[0] + gx, dy = f[1] + gy;
                float limit = 0.01f * (f[0] * f[0] + f[1] * f[1] + gx * gx + gy * gy) + 0.5f;
                float excess = (dx * dx + dy * dy) / limit;
                agreed = clamped(1.0f / (1.0f + excess * excess), 0.0f, 1.0f);
            }
            out[y * width + x] = agreed;
        }
    }
}

/* Adds to `sums` [height, width, 4]. Points in order, so that equal calls give equal sums. */
EXPORT void artifex_flow_splat(const float *flow, const float *agreement, int64_t height, int64_t width, float share,
                               float sign, float *sums) {
    for (int64_t y = 0; y < height; y++) {
        for (int64_t x = 0; x < width; x++) {
            int64_t at = y * width + x;
            float u = flow[2 * at], v = flow[2 * at + 1], agreed = agreement[at];
            float px = (float)x + share * u, py = (float)y + share * v;
            if (!(px > -1.0f && py > -1.0f && px < (float)width && py < (float)height)) continue;
            float lx = floorf(px), ly = floorf(py), fx = px - lx, fy = py - ly;
            int64_t left = (int64_t)lx, top = (int64_t)ly;
            float weight = DOUBTED + (1.0f - DOUBTED) * agreed;
            v4 value = {sign * u * weight, sign * v * weight, weight, sign * (1.0f - agreed)};
            for (int64_t j = 0; j < 2; j++) {
                if (top + j < 0 || top + j >= height) continue;
                float down = j ? fy : 1.0f - fy;
                for (int64_t i = 0; i < 2; i++) {
                    if (left + i < 0 || left + i >= width) continue;
                    float *to = sums + 4 * ((top + j) * width + left + i);
                    store4(to, load4(to) + value * (down * (i ? fx : 1.0f - fx)));
                }
            }
        }
    }
}

/* Keys' cubic convolution, a = -1/2; the edge goes on beyond the picture. */
INLINE void cubic(float f, float *w) {
    w[0] = ((-0.5f * f + 1.0f) * f - 0.5f) * f;
    w[1] = (1.5f * f - 2.5f) * f * f + 1.0f;
    w[2] = ((-1.5f * f + 2.0f) * f + 0.5f) * f;
    w[3] = (0.5f * f - 0.5f) * f * f;
}

INLINE v4 sampled(const float *pixels, int64_t stride, int64_t height, int64_t width, float px, float py) {
    px = clamped(px, 0.0f, (float)(width - 1));
    py = clamped(py, 0.0f, (float)(height - 1));
    int64_t left = (int64_t)px, top = (int64_t)py;
    float wx[4], wy[4];
    cubic(px - (float)left, wx);
    cubic(py - (float)top, wy);
    v16 sum = splat(0);
    if (left >= 1 && top >= 1 && left + 2 < width && top + 2 < height) {
        const float *at = row_in(pixels, stride, top - 1) + 4 * (left - 1);
        for (int64_t j = 0; j < 4; j++) sum = fma16(load16(row_in(at, stride, j)), splat(wy[j]), sum);
    } else {
        for (int64_t j = 0; j < 4; j++) {
            const float *row = row_in(pixels, stride, index_in(top - 1 + j, height));
            float line[16];
            for (int64_t i = 0; i < 4; i++) store4(line + 4 * i, load4(row + 4 * index_in(left - 1 + i, width)));
            sum = fma16(load16(line), splat(wy[j]), sum);
        }
    }
    sum *= for_pixels(load4(wx));
    v8 half = sum.lo + sum.hi;
    return half.lo + half.hi;
}

EXPORT void artifex_flow_between(const float *a, int64_t a_stride, const float *b, int64_t b_stride, const float *sums,
                                 int64_t height, int64_t width, float share, int64_t first, int64_t count, float *out,
                                 int64_t out_stride) {
    float wide = (float)width, high = (float)height;
    for (int64_t y = first; y < first + count; y++) {
        float *to = row_at(out, out_stride, y);
        for (int64_t x = 0; x < width; x++) {
            const float *sum = sums + 4 * (y * width + x);
            float whole = 1.0f / sum[2], u = sum[0] * whole, v = sum[1] * whole;
            float only = sum[3] / (fabsf(sum[3]) + HIDDEN * sum[2]);
            float ax = (float)x - share * u, ay = (float)y - share * v;
            float bx = (float)x + (1.0f - share) * u, by = (float)y + (1.0f - share) * v;
            float wa = (1.0f - share) * (only < 0.0f ? 1.0f + only : 1.0f) * covered(ax, ay, wide, high);
            float wb = share * (only > 0.0f ? 1.0f - only : 1.0f) * covered(bx, by, wide, high);
            float total = wa + wb;
            int seen = total > 1e-6f;
            wa = seen ? wa / total : 1.0f - share;
            wb = seen ? wb / total : share;
            v4 value = (v4)0.0f;
            if (wa > 0.0f) value += sampled(a, a_stride, height, width, ax, ay) * wa;
            if (wb > 0.0f) value += sampled(b, b_stride, height, width, bx, by) * wb;
            store4(to + 4 * x, value);
        }
    }
}
