/* Transfer curves on 16 values: powers by polynomials, any other by a table. */
#pragma once

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "vector.h"

enum { NEGATIVE_PASS = 0, NEGATIVE_MIRROR = 1, NEGATIVE_CLAMP = 2 };

/* Filled by libs/kernels/native.py. */
typedef struct {
    const float *table; /* of libs.kernels.types.Table; null for a power */
    float exponent;
    float tail; /* what the exponent has beyond a float's digits: 2.4 is none */
    int32_t negative;
} transfer;

typedef struct {
    v16 mantissa, exponent; /* of mantissa * 2^exponent; the exponent is whole */
} product;

/* log2 m of a normal x above 0, where x = 2^e m with m in [1/sqrt 2, sqrt 2); within 7e-9. */
INLINE v16 log2_of_mantissa(v16 x, v16 *e) {
    i16 shifted = bits_of(x) - 0x3f3504f3; /* 1/sqrt 2 */
    *e = __builtin_convertvector(shifted >> 23, v16);
    v16 t = floats_of((shifted & 0x007fffff) + 0x3f3504f3) - 1.0f;
    v16 log = splat(0.12541236f);
    log = fma16(log, t, splat(-0.2103033f));
    log = fma16(log, t, splat(0.2173794f));
    log = fma16(log, t, splat(-0.23851945f));
    log = fma16(log, t, splat(0.28765666f));
    log = fma16(log, t, splat(-0.3607212f));
    log = fma16(log, t, splat(0.48092252f));
    log = fma16(log, t, splat(-0.72134715f));
    return fma16(log, t, splat(1.4426949f)) * t;
}

/* 2^f of f within -0.5..0.5, within 2e-9 of the value. */
INLINE v16 exp2_of_rest(v16 f) {
    v16 two = splat(0.00015345811f);
    two = fma16(two, f, splat(0.0013399931f));
    two = fma16(two, f, splat(0.009618489f));
    two = fma16(two, f, splat(0.055503286f));
    two = fma16(two, f, splat(0.24022646f));
    two = fma16(two, f, splat(0.6931472f));
    return fma16(two, f, splat(1.0f));
}

/* (x / 2^lift)^p, p within 0.01..100, for normal x above 0; the relative error is at most 2.5e-7.
 *
 * x = 2^e m with m in [1/sqrt 2, sqrt 2), so x^p = 2^(p e + p log2 m). The polynomials are minimax by Lawson's
 * iteration. p is split so that its high part times e is exact: otherwise the rounding of p log2 x alone would cost
 * four times the error. */
INLINE product power_lifted(v16 x, v16 lift, const transfer *by) {
    float p = by->exponent;
    float high = __builtin_bit_cast(float, __builtin_bit_cast(int32_t, p) & (int32_t)0xffff8000);
    float low = (p - high) + by->tail;

    v16 e, log = log2_of_mantissa(x, &e);
    e -= lift;
    v16 exact = e * high;
    v16 rest = fma16(e, splat(low), log * p);
    v16 whole = __builtin_elementwise_rint(exact + rest);
    v16 f = (exact - whole) + rest;
    return (product){exp2_of_rest(f), whole};
}

INLINE product power_of(v16 x, const transfer *by) { return power_lifted(x, splat(0.0f), by); }

INLINE v16 scaled(v16 mantissa, v16 exponent) {
    return floats_of(bits_of(mantissa) + (__builtin_convertvector(exponent, i16) << 23));
}

INLINE v16 ranged(product raised) {
    v16 result = scaled(raised.mantissa, max16(min16(raised.exponent, splat(128.0f)), splat(-127.0f)));
    result = raised.exponent < -125.0f ? splat(0.0f) : result;
    return raised.exponent > 126.0f ? splat(__builtin_inff()) : result;
}

/* Whether all are such that their power is a normal float, so that nothing else needs to be looked at. */
INLINE int are_usual(v16 x, const transfer *by) {
    return by->exponent <= 5.0f && __builtin_reduce_and((x >= 0x1p-24f) & (x <= 0x1p24f));
}

/* Of any x: 0 below the normal floats, infinity gives infinity, a NaN itself; what underflows is 0. */
INLINE v16 power(v16 x, const transfer *by) {
    product raised = power_of(x, by);
    if (are_usual(x, by)) return scaled(raised.mantissa, raised.exponent);
    v16 result = x < 1.17549435e-38f ? splat(0.0f) : ranged(raised);
    return x < __builtin_inff() ? result : x;
}

/* The same, but of every x above 0, however small. */
INLINE v16 full_power(v16 x, const transfer *by) {
    if (are_usual(x, by)) return power(x, by);
    i16 small = x < 1.17549435e-38f;
    v16 result = ranged(power_lifted(small ? x * 0x1p32f : x, small ? splat(32.0f) : splat(0.0f), by));
    result = x > 0.0f ? result : splat(0.0f);
    return x < __builtin_inff() ? result : x;
}

/* The same, clipped to 0..1 whatever the policy for negatives. A NaN becomes 0, and 0 a number below any code's. */
INLINE v16 clipped_power(v16 x, const transfer *by) {
    product raised = power_of(min16(max16(x, splat(1.17549435e-38f)), splat(1.0f)), by);
    return scaled(raised.mantissa, max16(raised.exponent, splat(-100.0f)));
}

INLINE v16 power_transfer(v16 x, const transfer *by, int negative) {
    if (negative == NEGATIVE_CLAMP) return power(x, by);
    v16 raised = power(abs16(x), by);
    if (negative == NEGATIVE_PASS) return x < 0.0f ? x : raised;
    return floats_of(bits_of(raised) | (bits_of(x) & (int32_t)0x80000000));
}

enum {
    TABLE_LOWEST = -24,
    TABLE_HIGHEST = 8,
    TABLE_BITS = 11, /* steps of an octave */
    TABLE_STEPS = (TABLE_HIGHEST - TABLE_LOWEST) << TABLE_BITS,
};

INLINE v16 gather(const float *table, i16 index) {
#if defined(__AVX512F__)
    return __builtin_bit_cast(v16, _mm512_i32gather_ps(__builtin_bit_cast(__m512i, index), table, sizeof(float)));
#else
    /* AVX2's own gather is slower than this on most processors that have no AVX-512. */
    v16 result;
    for (int lane = 0; lane < LANES; lane++) result[lane] = table[index[lane]];
    return result;
#endif
}

/* See libs.kernels.types.Table. */
INLINE v16 table_transfer(v16 x, const float *table) {
    v16 size = abs16(x);
    i16 bits = bits_of(size);
    i16 index = (bits >> (23 - TABLE_BITS)) - ((TABLE_LOWEST + 127) << TABLE_BITS);
    v16 rest = __builtin_convertvector(bits & ((1 << (23 - TABLE_BITS)) - 1), v16);
    v16 fraction = rest * (1.0f / (1 << (23 - TABLE_BITS)));
    fraction = index < 0 ? size * (float)(1 << -TABLE_LOWEST) : fraction;
    fraction = index >= TABLE_STEPS ? splat(1.0f) : fraction;
    index = index < 0 ? (i16)(-1) : index;
    index = index >= TABLE_STEPS ? (i16)(TABLE_STEPS - 1) : index;
    index += 1;
    index = bits_of(x) < 0 ? index + (TABLE_STEPS + 2) : index;
    v16 low = gather(table, index), high = gather(table + 1, index);
    v16 result = fma16(high - low, fraction, low);
    return x == x ? result : x;
}
