/* Putting premultiplied RGBA pictures together; the formulas are those of libs.kernels.composite.merge. */
#include "blends.h"

INLINE v16 f_over_part(both p, v16 amount) {
    v16 scaled = p.a * amount;
    return fma16(p.b, 1.0f - alphas(scaled), scaled);
}

/* Up to four values of a mask. */
INLINE v4 load_mask(const float *from, int64_t count) {
    if (count >= 4) return load4(from);
    float part[4] = {0};
    memcpy(part, from, (size_t)count * sizeof(float));
    return load4(part);
}

#define FORMULAS(DO)                                                                                                   \
    DO(0, over) DO(1, under) DO(2, in) DO(3, out) DO(4, atop) DO(5, xor) DO(6, mask) DO(7, stencil) DO(8, copy)        \
        DO(9, plus) DO(10, multiply) DO(11, screen) DO(12, overlay) DO(13, darken) DO(14, lighten)                     \
        DO(15, difference) DO(16, exclusion) DO(17, clear) DO(18, destination) DO(19, destination_atop)                \
        DO(20, conjoint_over) DO(21, disjoint_over) DO(22, matte) DO(23, minus) DO(24, from) DO(25, average)           \
        DO(26, divide) DO(27, geometric) DO(28, hypot) DO(29, hard_light) DO(30, soft_light) DO(31, color_dodge)       \
        DO(32, color_burn) DO(33, vivid_light) DO(34, linear_light) DO(35, linear_burn) DO(36, pin_light)              \
        DO(37, hue) DO(38, saturation) DO(39, color) DO(40, luminosity) DO(41, screen_extended)                        \
        DO(42, overlay_extended) DO(43, exclusion_extended)

/* One row of `count` pixels; `mask` may be null. `whole` says that the amount is 1 everywhere. */
#define ROW(number, name)                                                                                              \
    INLINE v16 four_##name(v16 a, v16 b, v16 luma, v16 amount, int whole) {                                            \
        both p = {a, b, alphas(a), alphas(b), luma};                                                                   \
        if (whole) return f_##name(p);                                                                                 \
        if (number == 0) return f_over_part(p, amount);                                                                \
        return fma16(amount, f_##name(p) - b, b);                                                                      \
    }                                                                                                                  \
    INLINE void loop_##name(const float *a, const float *b, const float *mask, v16 luma, float amount, float *out,     \
                            int64_t count, int whole) {                                                                \
        int64_t x = 0;                                                                                                 \
        for (; x + 4 <= count; x += 4) {                                                                               \
            v16 m = mask ? for_pixels(load4(mask + x)) : splat(amount);                                                \
            store16(out + 4 * x, four_##name(load16(a + 4 * x), load16(b + 4 * x), luma, m, whole));                   \
        }                                                                                                              \
        if (x < count) {                                                                                               \
            int64_t rest = count - x;                                                                                  \
            v16 m = mask ? for_pixels(load_mask(mask + x, rest)) : splat(amount);                                      \
            v16 pa = load_part(a + 4 * x, 4 * rest), pb = load_part(b + 4 * x, 4 * rest);                              \
            store_part(out + 4 * x, four_##name(pa, pb, luma, m, whole), 4 * rest);                                    \
        }                                                                                                              \
    }                                                                                                                  \
    static void merge_##name(const float *a, const float *b, const float *mask, const float *luma, float amount,       \
                             float *out, int64_t count) {                                                              \
        v16 weights = {luma[0], luma[1], luma[2], 0, luma[0], luma[1], luma[2], 0,                                     \
                       luma[0], luma[1], luma[2], 0, luma[0], luma[1], luma[2], 0};                                    \
        if (mask)                                                                                                      \
            loop_##name(a, b, mask, weights, amount, out, count, 0);                                                   \
        else if (amount == 1.0f)                                                                                       \
            loop_##name(a, b, 0, weights, amount, out, count, 1);                                                      \
        else                                                                                                           \
            loop_##name(a, b, 0, weights, amount, out, count, 0);                                                      \
    }
FORMULAS(ROW)

typedef void (*merge_function)(const float *, const float *, const float *, const float *, float, float *, int64_t);
#define ENTRY(number, name) [number] = merge_##name,
static const merge_function ROWS[] = {FORMULAS(ENTRY)};

EXPORT void artifex_merge(int32_t operation, const float *a, int64_t a_stride, const float *b, int64_t b_stride,
                          const float *mask, int64_t mask_stride, const float *luma, float amount, float *out,
                          int64_t out_stride, int64_t height, int64_t width) {
    merge_function row = ROWS[operation];
    for (int64_t y = 0; y < height; y++) {
        const float *own = mask ? row_in(mask, mask_stride, y) : 0;
        row(row_in(a, a_stride, y), row_in(b, b_stride, y), own, luma, amount, row_at(out, out_stride, y), width);
    }
}

/* Colour times alpha; `given` is a plane of alphas or null for the pixels' own, of which 0 leaves colour as it is. */
EXPORT void artifex_premultiply(const float *pixels, int64_t stride, const float *given, int64_t given_stride,
                                float *out, int64_t out_stride, int64_t height, int64_t width) {
    for (int64_t y = 0; y < height; y++) {
        const float *from = row_in(pixels, stride, y);
        const float *plane = given ? row_in(given, given_stride, y) : 0;
        float *to = row_at(out, out_stride, y);
        for (int64_t x = 0; x < width; x += 4) {
            int64_t count = least(4, width - x);
            v16 p = load_part(from + 4 * x, 4 * count), alpha, factor;
            if (plane) {
                alpha = factor = for_pixels(load_mask(plane + x, count));
            } else {
                alpha = alphas(p);
                factor = straightening(alpha);
            }
            store_part(to + 4 * x, COLOUR_LANES ? p * factor : alpha, 4 * count);
        }
    }
}

EXPORT void artifex_unpremultiply(const float *pixels, int64_t stride, float *out, int64_t out_stride, int64_t height,
                                  int64_t width) {
    for (int64_t y = 0; y < height; y++) {
        const float *from = row_in(pixels, stride, y);
        float *to = row_at(out, out_stride, y);
        for (int64_t x = 0; x < width; x += 4) {
            int64_t count = least(4, width - x);
            v16 p = load_part(from + 4 * x, 4 * count), alpha = alphas(p);
            store_part(to + 4 * x, COLOUR_LANES ? p / straightening(alpha) : p, 4 * count);
        }
    }
}

/* Below this the mean of a pixel's surroundings says nothing of their straight colour. */
static const float FAINTEST_MEAN = 1e-6f;

/* Pixels with another alpha, and the straight colour that they had. What they gain in coverage has the straight colour
 * of `around`, which may be null: then it is their own. Without an alpha of their own they keep their light. */
EXPORT void artifex_with_alpha(const float *pixels, int64_t stride, const float *plane, int64_t plane_stride,
                               const float *around, int64_t around_stride, float *out, int64_t out_stride,
                               int64_t height, int64_t width) {
    for (int64_t y = 0; y < height; y++) {
        const float *from = row_in(pixels, stride, y), *wanted = row_in(plane, plane_stride, y);
        const float *beside = around ? row_in(around, around_stride, y) : 0;
        float *to = row_at(out, out_stride, y);
        for (int64_t x = 0; x < width; x += 4) {
            int64_t count = least(4, width - x);
            v16 p = load_part(from + 4 * x, 4 * count), alpha = alphas(p);
            v16 after = for_pixels(load_mask(wanted + x, count));
            v16 scaled = abs16(alpha) > FAINTEST_ALPHA ? p * (after / alpha) : p;
            if (beside) {
                v16 mean = load_part(beside + 4 * x, 4 * count), cover = alphas(mean);
                v16 gained = cover > FAINTEST_MEAN ? fma16(mean / cover, after - alpha, p) : p;
                scaled = after > alpha ? gained : scaled;
            }
            store_part(to + 4 * x, COLOUR_LANES ? scaled : after, 4 * count);
        }
    }
}
