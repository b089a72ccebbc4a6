/* Putting premultiplied RGBA pictures together; the formulas are those of libs.kernels.composite.merge. */
#include "vector.h"

typedef struct {
    v16 a, b, aa, ba; /* four pixels of each picture, and their alphas in every lane */
} both;

INLINE v16 f_over(both p) { return fma16(p.b, 1.0f - p.aa, p.a); }
INLINE v16 f_under(both p) { return fma16(p.a, 1.0f - p.ba, p.b); }
INLINE v16 f_in(both p) { return p.a * p.ba; }
INLINE v16 f_out(both p) { return p.a * (1.0f - p.ba); }
INLINE v16 f_atop(both p) { return fma16(p.a, p.ba, p.b * (1.0f - p.aa)); }
INLINE v16 f_xor(both p) { return fma16(p.a, 1.0f - p.ba, p.b * (1.0f - p.aa)); }
INLINE v16 f_mask(both p) { return p.b * p.aa; }
INLINE v16 f_stencil(both p) { return p.b * (1.0f - p.aa); }
INLINE v16 f_copy(both p) { return p.a; }

/* What is seen of each where the other is not. */
INLINE v16 outside(both p) { return fma16(p.a, 1.0f - p.ba, p.b * (1.0f - p.aa)); }
INLINE v16 blend_alpha(both p, v16 colour) { return COLOUR_LANES ? colour : p.aa + p.ba - p.aa * p.ba; }

INLINE v16 f_plus(both p) { return COLOUR_LANES ? p.a + p.b : min16(p.aa + p.ba, splat(1.0f)); }
INLINE v16 f_multiply(both p) { return blend_alpha(p, fma16(p.a, p.b, outside(p))); }
INLINE v16 f_screen(both p) { return blend_alpha(p, p.a + p.b - p.a * p.b); }
INLINE v16 f_overlay(both p) {
    v16 dark = 2.0f * p.a * p.b;
    v16 bright = p.aa * p.ba - 2.0f * (p.ba - p.b) * (p.aa - p.a);
    return blend_alpha(p, (2.0f * p.b <= p.ba ? dark : bright) + outside(p));
}
/* As NumPy's minimum and maximum: a NaN on either side is the result. */
INLINE v16 lesser(v16 x, v16 y) { return x < y || x != x ? x : y; }
INLINE v16 greater(v16 x, v16 y) { return x > y || x != x ? x : y; }
INLINE v16 f_darken(both p) { return blend_alpha(p, lesser(p.a * p.ba, p.b * p.aa) + outside(p)); }
INLINE v16 f_lighten(both p) { return blend_alpha(p, greater(p.a * p.ba, p.b * p.aa) + outside(p)); }
INLINE v16 f_difference(both p) { return blend_alpha(p, p.a + p.b - 2.0f * lesser(p.a * p.ba, p.b * p.aa)); }
INLINE v16 f_exclusion(both p) {
    return blend_alpha(p, fma16(p.a, p.ba, p.b * p.aa) - 2.0f * p.a * p.b + outside(p));
}

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
        DO(9, plus) DO(10, multiply) DO(11, screen) DO(12, overlay) DO(13, darken) DO(14, lighten) DO(15, difference)  \
            DO(16, exclusion)

/* One row of `count` pixels; `mask` may be null. `whole` says that the amount is 1 everywhere. */
#define ROW(number, name)                                                                                              \
    INLINE v16 four_##name(v16 a, v16 b, v16 amount, int whole) {                                                      \
        both p = {a, b, alphas(a), alphas(b)};                                                                         \
        if (whole) return f_##name(p);                                                                                 \
        if (number == 0) return f_over_part(p, amount);                                                                \
        return fma16(amount, f_##name(p) - b, b);                                                                      \
    }                                                                                                                  \
    INLINE void loop_##name(const float *a, const float *b, const float *mask, float amount, float *out, int64_t count,\
                            int whole) {                                                                               \
        int64_t x = 0;                                                                                                 \
        for (; x + 4 <= count; x += 4) {                                                                               \
            v16 m = mask ? for_pixels(load4(mask + x)) : splat(amount);                                                \
            store16(out + 4 * x, four_##name(load16(a + 4 * x), load16(b + 4 * x), m, whole));                         \
        }                                                                                                              \
        if (x < count) {                                                                                               \
            int64_t rest = count - x;                                                                                  \
            v16 m = mask ? for_pixels(load_mask(mask + x, rest)) : splat(amount);                                      \
            v16 pa = load_part(a + 4 * x, 4 * rest), pb = load_part(b + 4 * x, 4 * rest);                              \
            store_part(out + 4 * x, four_##name(pa, pb, m, whole), 4 * rest);                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void merge_##name(const float *a, const float *b, const float *mask, float amount, float *out,              \
                           int64_t count) {                                                                            \
        if (mask)                                                                                                      \
            loop_##name(a, b, mask, amount, out, count, 0);                                                            \
        else if (amount == 1.0f)                                                                                       \
            loop_##name(a, b, 0, amount, out, count, 1);                                                               \
        else                                                                                                           \
            loop_##name(a, b, 0, amount, out, count, 0);                                                               \
    }
FORMULAS(ROW)

typedef void (*merge_function)(const float *, const float *, const float *, float, float *, int64_t);
#define ENTRY(number, name) [number] = merge_##name,
static const merge_function ROWS[] = {FORMULAS(ENTRY)};

EXPORT void artifex_merge(int32_t operation, const float *a, int64_t a_stride, const float *b, int64_t b_stride,
                          const float *mask, int64_t mask_stride, float amount, float *out, int64_t out_stride,
                          int64_t height, int64_t width) {
    merge_function row = ROWS[operation];
    for (int64_t y = 0; y < height; y++) {
        const float *own = mask ? row_in(mask, mask_stride, y) : 0;
        row(row_in(a, a_stride, y), row_in(b, b_stride, y), own, amount, row_at(out, out_stride, y), width);
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
                factor = alpha == 0.0f ? splat(1.0f) : alpha;
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
            v16 divisor = alpha == 0.0f ? splat(1.0f) : alpha;
            store_part(to + 4 * x, COLOUR_LANES ? p / divisor : p, 4 * count);
        }
    }
}
