/* Half floats, IEEE 754 binary16: the processor's own conversion where there is one (F16C), else by the bits. */
#include "vector.h"

typedef uint16_t h16 __attribute__((ext_vector_type(16)));
typedef uint16_t h16u __attribute__((ext_vector_type(16), aligned(2)));

#if defined(__F16C__) || defined(__aarch64__)
typedef _Float16 f16 __attribute__((ext_vector_type(16)));
INLINE h16 narrowed(v16 x) { return __builtin_bit_cast(h16, __builtin_convertvector(x, f16)); }
INLINE v16 widened(h16 x) { return __builtin_convertvector(__builtin_bit_cast(f16, x), v16); }
#else
INLINE h16 narrowed(v16 x) {
    i16 sign = bits_of(x) & (int32_t)0x80000000;
    v16 size = floats_of(bits_of(x) ^ sign);
    /* Small: adding 0.5 makes the float's own rounding that of a subnormal half, in steps of 2^-24. */
    i16 small = bits_of(size + 0.5f) - 0x3f000000;
    /* Else: the exponent's bias, and 0xfff plus the last kept bit to round to nearest even. */
    i16 bits = bits_of(size);
    i16 normal = (bits - (112 << 23) + 0xfff + ((bits >> 13) & 1)) >> 13;
    i16 result = size < 6.103515625e-5f ? small : normal;
    result = size >= 65520.0f ? (i16)0x7c00 : result;
    result = x == x ? result : (i16)0x7e00;
    return __builtin_convertvector(result | ((sign >> 16) & 0x8000), h16);
}
INLINE v16 widened(h16 x) {
    i16 bits = __builtin_convertvector(x, i16), sign = (bits & 0x8000) << 16, rest = bits & 0x7fff;
    /* 2^112 moves the exponent's bias, and makes normal floats of subnormal halves. */
    v16 size = floats_of(rest << 13) * 5.192296858534828e33f;
    size = rest >= 0x7c00 ? floats_of((rest << 13) | 0x7f800000) : size;
    return floats_of(bits_of(size) | sign);
}
#endif

EXPORT void artifex_to_half(const float *from, int64_t stride, uint16_t *to, int64_t to_stride, int64_t height,
                            int64_t values) {
    for (int64_t y = 0; y < height; y++) {
        const float *row = row_in(from, stride, y);
        uint16_t *out = (uint16_t *)((char *)to + y * to_stride);
        for (int64_t x = 0; x < values; x += LANES) {
            h16 half = narrowed(load_part(row + x, values - x));
            if (values - x >= LANES) *(h16u *)(out + x) = half;
            else memcpy(out + x, &half, (size_t)(values - x) * sizeof(uint16_t));
        }
    }
}

EXPORT void artifex_from_half(const uint16_t *from, int64_t stride, float *to, int64_t to_stride, int64_t height,
                              int64_t values) {
    for (int64_t y = 0; y < height; y++) {
        const uint16_t *row = (const uint16_t *)((const char *)from + y * stride);
        float *out = row_at(to, to_stride, y);
        for (int64_t x = 0; x < values; x += LANES) {
            h16 half = (h16)(uint16_t)0;
            if (values - x >= LANES) half = *(const h16u *)(row + x);
            else memcpy(&half, row + x, (size_t)(values - x) * sizeof(uint16_t));
            store_part(out + x, widened(half), values - x);
        }
    }
}
