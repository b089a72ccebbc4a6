/* Vectors of 16 floats, whatever the processor's own width: the compiler cuts them into registers of 512, 256 or 128
 * bits. Everything is written on them, so that one source serves all variants and none leans on auto-vectorisation.
 *
 * A comparison gives a mask of integers; `mask ? a : b` chooses lane by lane, and with a comparison that is false for a
 * NaN it says what happens to one.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define INLINE static inline __attribute__((always_inline))

enum { LANES = 16 };

typedef float v16 __attribute__((ext_vector_type(16)));
typedef float v8 __attribute__((ext_vector_type(8)));
typedef float v4 __attribute__((ext_vector_type(4)));
typedef int32_t i16 __attribute__((ext_vector_type(16)));
typedef uint32_t u16 __attribute__((ext_vector_type(16)));

/* The same, wherever they lie in memory. */
typedef float v16u __attribute__((ext_vector_type(16), aligned(4)));
typedef float v8u __attribute__((ext_vector_type(8), aligned(4)));
typedef float v4u __attribute__((ext_vector_type(4), aligned(4)));

INLINE v16 load16(const float *from) { return *(const v16u *)from; }
INLINE v8 load8(const float *from) { return *(const v8u *)from; }
INLINE v4 load4(const float *from) { return *(const v4u *)from; }
INLINE void store16(float *to, v16 value) { *(v16u *)to = value; }
INLINE void store8(float *to, v8 value) { *(v8u *)to = value; }
INLINE void store4(float *to, v4 value) { *(v4u *)to = value; }

INLINE v16 splat(float value) { return (v16)value; }
/* min and max give the second operand where the first is a NaN. */
INLINE v16 min16(v16 a, v16 b) { return a < b ? a : b; }
INLINE v16 max16(v16 a, v16 b) { return a > b ? a : b; }
INLINE v16 clipped(v16 x, float low, float high) { return min16(max16(x, splat(low)), splat(high)); }
INLINE v16 abs16(v16 a) { return __builtin_elementwise_abs(a); }
INLINE v16 fma16(v16 a, v16 b, v16 c) { return a * b + c; }
INLINE i16 bits_of(v16 a) { return __builtin_bit_cast(i16, a); }
INLINE v16 floats_of(i16 a) { return __builtin_bit_cast(v16, a); }

/* A row begins `stride` bytes after the one above. */
INLINE float *row_at(float *base, int64_t stride, int64_t row) { return (float *)((char *)base + row * stride); }
INLINE const float *row_in(const float *base, int64_t stride, int64_t row) {
    return (const float *)((const char *)base + row * stride);
}

INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* Four pixels of RGBA: every lane its own pixel's alpha. */
INLINE v16 alphas(v16 pixels) {
    return __builtin_shufflevector(pixels, pixels, 3, 3, 3, 3, 7, 7, 7, 7, 11, 11, 11, 11, 15, 15, 15, 15);
}

/* Up to this an alpha is none: light of up to 10^18 divided by less would be beyond float. */
static const float FAINTEST_ALPHA = 1e-20f;

/* What premultiplied colour is divided by to be straight, and multiplied by to be what it was. */
INLINE v16 straightening(v16 alpha) {
    return abs16(alpha) > FAINTEST_ALPHA ? alpha : splat(1.0f);
}

/* Four values, each for the four channels of a pixel. */
INLINE v16 for_pixels(v4 values) {
    return __builtin_shufflevector(values, values, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
}

#define COLOUR_LANES ((i16){-1, -1, -1, 0, -1, -1, -1, 0, -1, -1, -1, 0, -1, -1, -1, 0})

/* Sixteen pixels, channel by channel. */
typedef struct {
    v16 r, g, b, a;
} planar;

/* Of four pixels in each. */
INLINE planar planar_of(v16 p0, v16 p1, v16 p2, v16 p3) {
    v16 rg01 = __builtin_shufflevector(p0, p1, 0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
    v16 rg23 = __builtin_shufflevector(p2, p3, 0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
    v16 ba01 = __builtin_shufflevector(p0, p1, 2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31);
    v16 ba23 = __builtin_shufflevector(p2, p3, 2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31);
    planar result;
    result.r = __builtin_shufflevector(rg01, rg23, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
    result.g = __builtin_shufflevector(rg01, rg23, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    result.b = __builtin_shufflevector(ba01, ba23, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
    result.a = __builtin_shufflevector(ba01, ba23, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    return result;
}

INLINE planar load_planar(const float *from) {
    return planar_of(load16(from), load16(from + 16), load16(from + 32), load16(from + 48));
}

INLINE void store_planar(float *to, planar p) {
    v16 rg0 = __builtin_shufflevector(p.r, p.g, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    v16 rg1 = __builtin_shufflevector(p.r, p.g, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    v16 ba0 = __builtin_shufflevector(p.b, p.a, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    v16 ba1 = __builtin_shufflevector(p.b, p.a, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    store16(to, __builtin_shufflevector(rg0, ba0, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23));
    store16(to + 16, __builtin_shufflevector(rg0, ba0, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31));
    store16(to + 32, __builtin_shufflevector(rg1, ba1, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23));
    store16(to + 48, __builtin_shufflevector(rg1, ba1, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31));
}

/* The first `count` (1..16) pixels only; those behind are zero, and not read. */
INLINE planar load_planar_part(const float *from, int64_t count) {
    if (count >= LANES) return load_planar(from);
    float part[64] = {0};
    memcpy(part, from, (size_t)count * 4 * sizeof(float));
    return load_planar(part);
}

INLINE void store_planar_part(float *to, planar pixels, int64_t count) {
    if (count >= LANES) {
        store_planar(to, pixels);
        return;
    }
    float part[64];
    store_planar(part, pixels);
    memcpy(to, part, (size_t)count * 4 * sizeof(float));
}

/* The same for single values. */
INLINE v16 load_part(const float *from, int64_t count) {
    if (count >= LANES) return load16(from);
    float part[16] = {0};
    memcpy(part, from, (size_t)count * sizeof(float));
    return load16(part);
}

INLINE void store_part(float *to, v16 values, int64_t count) {
    if (count >= LANES) {
        store16(to, values);
        return;
    }
    float part[16];
    store16(part, values);
    memcpy(to, part, (size_t)count * sizeof(float));
}
