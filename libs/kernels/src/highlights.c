/* What is brighter than a threshold, and one picture turning into another. */
#include "vector.h"

/* See libs/kernels/highlights.py for the formula. A NaN in a channel of colour is the result's. */
typedef struct {
    float threshold, knee; /* half of the knee's width */
    float gains[3];
} highlights;

INLINE v16 larger(v16 a, v16 b) { return a > b || a != a ? a : b; }

/* Without what is below 0. */
INLINE v16 lit(v16 c) { return c <= splat(0.0f) ? splat(0.0f) : c; }

INLINE planar bright(const highlights *of, planar p) {
    v16 light = larger(larger(p.r, p.g), p.b);
    v16 above = light - of->threshold;
    v16 part = above <= splat(0.0f) ? splat(0.0f) : above;
    if (of->knee > 0.0f) {
        v16 into = above + of->knee;
        v16 bend = into * into * (0.25f / of->knee);
        part = above >= splat(of->knee) ? above : (into <= splat(0.0f) ? splat(0.0f) : bend);
    }
    v16 share = light > splat(0.0f) ? part / light : splat(0.0f);
    /* Of what is infinite all is bright; and a pixel that is no number stays none. */
    share = light > splat(3.0e38f) ? splat(1.0f) : share;
    share = light != light ? light : share;
    planar result = {lit(p.r) * (share * of->gains[0]), lit(p.g) * (share * of->gains[1]),
                     lit(p.b) * (share * of->gains[2]), splat(0)};
    return result;
}

EXPORT void artifex_highlights(const float *pixels, int64_t stride, const highlights *of, float *out,
                               int64_t out_stride, int64_t height, int64_t width) {
    for (int64_t y = 0; y < height; y++) {
        const float *from = row_in(pixels, stride, y);
        float *to = row_at(out, out_stride, y);
        for (int64_t x = 0; x < width; x += LANES) {
            planar p = load_planar_part(from + 4 * x, width - x);
            store_planar_part(to + 4 * x, bright(of, p), width - x);
        }
    }
}

/* a (1 - m) + b m; a alone where m is 0 and b alone where it is 1, whatever the other is. */
INLINE v16 mixed(v16 a, v16 b, v16 m) {
    v16 sum = fma16(b, m, a * (1.0f - m));
    return m == splat(0.0f) ? a : (m == splat(1.0f) ? b : sum);
}

EXPORT void artifex_mix(const float *a, int64_t a_stride, const float *b, int64_t b_stride, const float *mask,
                        int64_t mask_stride, float amount, float *out, int64_t out_stride, int64_t height,
                        int64_t width) {
    for (int64_t y = 0; y < height; y++) {
        const float *pa = row_in(a, a_stride, y), *pb = row_in(b, b_stride, y);
        const float *pm = mask ? row_in(mask, mask_stride, y) : NULL;
        float *to = row_at(out, out_stride, y);
        for (int64_t x = 0; x < width; x += 4) {
            int64_t left = least(4, width - x);
            v16 m = splat(amount);
            if (pm) {
                float part[4] = {0};
                memcpy(part, pm + x, (size_t)left * sizeof(float));
                m = for_pixels(load4(part));
            }
            v16 va = load_part(pa + 4 * x, 4 * left), vb = load_part(pb + 4 * x, 4 * left);
            store_part(to + 4 * x, mixed(va, vb, m), 4 * left);
        }
    }
}
