/* Runs of colour changes over RGBA: a short program of steps, each done on a block of pixels, channel by channel, while
 * the block is in the first-level cache. What each step does is written in libs/kernels/grading.py. */
#include "transfer.h"

enum { SCALE, MATRIX, POWER, BEND, LOGARITHM, ANTILOGARITHM, CLAMP, CURVES, TETRAHEDRA, CUBES, TRACE, RATIO, HALVES };

/* The numbers of a channel, by kind; of a matrix, its row and what is added. */
enum { FACTOR, ADDED };
enum { EXPONENT, TAIL, BORDER, SLOPE, SHIFT, IN_FACTOR, IN_ADDED, OUT_FACTOR, OUT_ADDED, NUMBERS };
enum { LOWEST, HIGHEST };
enum { OVER_ADDED, OVER_FACTOR, UNDER_ADDED, UNDER_FACTOR };
enum { UPPER_BORDER }; /* of TRACE, whose lower one is BORDER; OUT_FACTOR and OUT_ADDED are the line above it */

/* Filled by libs/kernels/grading.py. */
typedef struct {
    const float *table; /* of curves: three of `size` values; of a lattice: size^3 points of four, blue fastest */
    int32_t kind;
    int32_t negative;
    int32_t size;
    float numbers[3][NUMBERS];
} step;

enum { BLOCK = 384 };
typedef struct {
    float colour[3][BLOCK], alpha[BLOCK];
} block;

#define EACH_VECTOR for (int64_t x = 0; x < count; x += LANES)

INLINE transfer exponent_of(const float *by) { return (transfer){0, by[EXPONENT], by[TAIL], NEGATIVE_PASS}; }

static void scale_step(const step *by, float *plane, int channel, int64_t count) {
    v16 factor = splat(by->numbers[channel][FACTOR]), added = splat(by->numbers[channel][ADDED]);
    EACH_VECTOR store16(plane + x, fma16(load16(plane + x), factor, added));
}

static void matrix_step(const step *by, block *pixels, int64_t count) {
    const float *const rows[3] = {by->numbers[0], by->numbers[1], by->numbers[2]};
    EACH_VECTOR {
        v16 r = load16(pixels->colour[0] + x), g = load16(pixels->colour[1] + x), b = load16(pixels->colour[2] + x);
        for (int channel = 0; channel < 3; channel++) {
            const float *m = rows[channel];
            store16(pixels->colour[channel] + x,
                    fma16(r, splat(m[0]), fma16(g, splat(m[1]), fma16(b, splat(m[2]), splat(m[3])))));
        }
    }
}

INLINE v16 with_sign_of(v16 size, v16 x) {
    return floats_of(bits_of(size) | (bits_of(x) & (int32_t)0x80000000));
}

static void power_step(const step *by, float *plane, int channel, int64_t count) {
    transfer how = exponent_of(by->numbers[channel]);
    if (how.exponent == 1.0f && how.tail == 0.0f && by->negative != NEGATIVE_CLAMP) return;
    switch (by->negative) {
    case NEGATIVE_PASS:
        EACH_VECTOR {
            v16 value = load16(plane + x);
            store16(plane + x, value > 0.0f ? full_power(value, &how) : value);
        }
        break;
    case NEGATIVE_MIRROR:
        EACH_VECTOR {
            v16 value = load16(plane + x);
            store16(plane + x, with_sign_of(full_power(abs16(value), &how), value));
        }
        break;
    default:
        EACH_VECTOR store16(plane + x, full_power(max16(load16(plane + x), splat(0.0f)), &how));
    }
}

/* A power with a straight line below it. */
static void bend_step(const step *by, float *plane, int channel, int64_t count) {
    const float *n = by->numbers[channel];
    transfer how = exponent_of(n);
    int mirrored = by->negative == NEGATIVE_MIRROR;
    EACH_VECTOR {
        v16 given = load16(plane + x), value = mirrored ? abs16(given) : given;
        v16 bent = power(fma16(value, splat(n[IN_FACTOR]), splat(n[IN_ADDED])), &how);
        bent = fma16(bent, splat(n[OUT_FACTOR]), splat(n[OUT_ADDED]));
        v16 result = value > n[BORDER] ? bent : fma16(value, splat(n[SLOPE]), splat(n[SHIFT]));
        store16(plane + x, mirrored ? with_sign_of(result, given) : result);
    }
}

static void logarithm_step(const step *by, float *plane, int channel, int64_t count) {
    const float *n = by->numbers[channel];
    EACH_VECTOR {
        v16 value = load16(plane + x), e;
        v16 inside = fma16(value, splat(n[IN_FACTOR]), splat(n[IN_ADDED]));
        v16 log = log2_of_mantissa(max16(inside, splat(1.17549435e-38f)), &e) + e;
        log = inside < __builtin_inff() ? log : inside;
        v16 bent = fma16(log, splat(n[OUT_FACTOR]), splat(n[OUT_ADDED]));
        store16(plane + x, value < n[BORDER] ? fma16(value, splat(n[SLOPE]), splat(n[SHIFT])) : bent);
    }
}

static void antilogarithm_step(const step *by, float *plane, int channel, int64_t count) {
    const float *n = by->numbers[channel];
    EACH_VECTOR {
        v16 value = load16(plane + x);
        v16 inside = fma16(value, splat(n[IN_FACTOR]), splat(n[IN_ADDED]));
        v16 kept = clipped(inside, -200.0f, 200.0f), whole = __builtin_elementwise_rint(kept);
        v16 raised = ranged((product){exp2_of_rest(kept - whole), whole});
        v16 bent = fma16(inside == inside ? raised : inside, splat(n[OUT_FACTOR]), splat(n[OUT_ADDED]));
        store16(plane + x, value < n[BORDER] ? fma16(value, splat(n[SLOPE]), splat(n[SHIFT])) : bent);
    }
}

/* A quotient of two straight lines, the upper of which is not below 0; what is negative is mirrored. */
static void ratio_step(const step *by, float *plane, int channel, int64_t count) {
    const float *n = by->numbers[channel];
    EACH_VECTOR {
        v16 given = load16(plane + x), size = abs16(given);
        v16 over = max16(fma16(size, splat(n[OVER_FACTOR]), splat(n[OVER_ADDED])), splat(0.0f));
        v16 under = fma16(size, splat(n[UNDER_FACTOR]), splat(n[UNDER_ADDED]));
        store16(plane + x, with_sign_of(over / under, given));
    }
}

/* A NaN becomes the lowest, or the highest where nothing is; OCIO has it so. */
static void clamp_step(const step *by, float *plane, int channel, int64_t count) {
    const float *n = by->numbers[channel];
    int bounded_below = n[LOWEST] > -__builtin_inff();
    EACH_VECTOR {
        v16 value = load16(plane + x);
        if (bounded_below) value = max16(value, splat(n[LOWEST]));
        store16(plane + x, min16(value, splat(n[HIGHEST])));
    }
}

/* The whole part and the rest of a place on an axis of `size` points from 0 to 1; a NaN is at 0. The rest of the last
 * point is 1, so that there always is a next one. */
INLINE i16 place_on(v16 value, int32_t size, v16 *rest) {
    v16 at = clipped(value * (float)(size - 1), 0.0f, (float)(size - 1));
    i16 whole = __builtin_convertvector(at, i16);
    whole = whole < size - 1 ? whole : (i16)(size - 2);
    *rest = at - __builtin_convertvector(whole, v16);
    return whole;
}

static void curve_step(const step *by, float *plane, int channel, int64_t count) {
    const float *curve = by->table + (int64_t)channel * by->size;
    EACH_VECTOR {
        v16 rest;
        i16 at = place_on(load16(plane + x), by->size, &rest);
        v16 low = gather(curve, at), high = gather(curve + 1, at);
        store16(plane + x, fma16(high - low, rest, low));
    }
}

/* A table over all half floats, by their bits: between two of them it is straight. Within an octave halves are apart by
 * one in the bits of a float that they have, and below the least octave by 2^-24. */
static void halves_step(const step *by, float *plane, int channel, int64_t count) {
    const float *curve = by->table + (int64_t)channel * by->size;
    EACH_VECTOR {
        v16 value = load16(plane + x), size = clipped(abs16(value), 0.0f, 65504.0f), fine = size * 0x1p24f;
        i16 few = __builtin_convertvector(min16(fine, splat(1024.0f)), i16), bits = bits_of(size);
        int32_t first = 112 << 10, last = 0x7bff;
        v16 rest = __builtin_convertvector(bits & 0x1fff, v16) * 0x1p-13f;
        rest = size < 0x1p-14f ? fine - __builtin_convertvector(few, v16) : rest;
        i16 at = size < 0x1p-14f ? few : (bits >> 13) - first;
        rest = at < last ? rest : splat(1.0f);
        at = (at < last ? at : (i16)(last - 1)) | (bits_of(value) >> 16 & 0x8000);
        v16 low = gather(curve, at), high = gather(curve + 1, at);
        store16(plane + x, value == value ? fma16(high - low, rest, low) : value);
    }
}

/* A table between two borders, and straight lines beyond them. */
static void trace_step(const step *by, float *plane, int channel, int64_t count) {
    const float *n = by->numbers[channel], *curve = by->table + (int64_t)channel * by->size;
    EACH_VECTOR {
        v16 value = load16(plane + x), rest;
        i16 at = place_on(fma16(value, splat(n[IN_FACTOR]), splat(n[IN_ADDED])), by->size, &rest);
        v16 low = gather(curve, at), high = gather(curve + 1, at);
        v16 result = fma16(high - low, rest, low);
        result = value < n[BORDER] ? fma16(value, splat(n[SLOPE]), splat(n[SHIFT])) : result;
        result = value > n[UPPER_BORDER] ? fma16(value, splat(n[OUT_FACTOR]), splat(n[OUT_ADDED])) : result;
        store16(plane + x, value == value ? result : value);
    }
}

/* -- lattices ------------------------------------------------------------------------------------------------------ */

/* Where sixteen pixels lie in a lattice. Its points are fetched one by one, all channels at once: gathers of sixteen by
 * one channel are hardly faster at their best, and far slower where the processor guards them. */
typedef struct {
    i16 base; /* of the cell, in floats */
    v16 r, g, b;
    int32_t red, green, blue; /* floats from a point to the next one on each axis */
} cells;

INLINE cells cells_of(const step *by, const block *pixels, int64_t x) {
    cells c;
    c.blue = 4, c.green = 4 * by->size, c.red = 4 * by->size * by->size;
    c.base = place_on(load16(pixels->colour[0] + x), by->size, &c.r) * c.red;
    c.base += place_on(load16(pixels->colour[1] + x), by->size, &c.g) * c.green;
    c.base += place_on(load16(pixels->colour[2] + x), by->size, &c.b) * c.blue;
    return c;
}

INLINE void put_back(block *pixels, int64_t x, planar p) {
    store16(pixels->colour[0] + x, p.r);
    store16(pixels->colour[1] + x, p.g);
    store16(pixels->colour[2] + x, p.b);
}

/* The points at four places, side by side. */
INLINE v16 points_at(const float *table, const int32_t *at) {
    v4 p0 = load4(table + at[0]), p1 = load4(table + at[1]), p2 = load4(table + at[2]), p3 = load4(table + at[3]);
    v8 low = __builtin_shufflevector(p0, p1, 0, 1, 2, 3, 4, 5, 6, 7);
    v8 high = __builtin_shufflevector(p2, p3, 0, 1, 2, 3, 4, 5, 6, 7);
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

/* Of four pixels, the four points of their tetrahedra by their weights; the fourth lies `whole` after the first. */
INLINE v16 weighted(const float *table, int32_t whole, const int32_t *at, v4 w0, v4 w1, v4 w2, v4 w3) {
    v16 sum = points_at(table, at) * for_pixels(w0);
    sum = fma16(points_at(table, at + 16), for_pixels(w1), sum);
    sum = fma16(points_at(table, at + 32), for_pixels(w2), sum);
    return fma16(points_at(table + whole, at), for_pixels(w3), sum);
}

/* Each cell is six tetrahedra around its diagonal: from the cell's first point along the axis of the largest rest, then
 * that of the middle one, then to the last point. */
static void tetrahedra_step(const step *by, block *pixels, int64_t count) {
    EACH_VECTOR {
        cells c = cells_of(by, pixels, x);
        v16 largest = max16(max16(c.r, c.g), c.b), least = min16(min16(c.r, c.g), c.b);
        v16 middle = max16(min16(c.r, c.g), min16(max16(c.r, c.g), c.b));
        i16 first = c.g >= c.b ? (i16)c.green : (i16)c.blue;
        first = ((c.r >= c.g) & (c.r >= c.b)) ? (i16)c.red : first;
        i16 last = c.g <= c.r ? (i16)c.green : (i16)c.red;
        last = ((c.b <= c.r) & (c.b <= c.g)) ? (i16)c.blue : last;
        int32_t whole = c.red + c.green + c.blue;
        i16 places[3] = {c.base, c.base + first, c.base + (whole - last)};
        const int32_t *at = (const int32_t *)places;
        v16 w0 = 1.0f - largest, w1 = largest - middle, w2 = middle - least, w3 = least;
        put_back(pixels, x,
                 planar_of(weighted(by->table, whole, at, w0.s0123, w1.s0123, w2.s0123, w3.s0123),
                           weighted(by->table, whole, at + 4, w0.s4567, w1.s4567, w2.s4567, w3.s4567),
                           weighted(by->table, whole, at + 8, w0.s89ab, w1.s89ab, w2.s89ab, w3.s89ab),
                           weighted(by->table, whole, at + 12, w0.scdef, w1.scdef, w2.scdef, w3.scdef)));
    }
}

INLINE v16 between(v16 low, v16 high, v16 rest) { return fma16(high - low, rest, low); }

/* Four pixels, in the square of blue and green that begins `from` after their places. */
INLINE v16 square(const float *from, const cells *c, const int32_t *at, v16 g, v16 b) {
    v16 low = between(points_at(from, at), points_at(from + c->blue, at), b);
    v16 high = between(points_at(from + c->green, at), points_at(from + c->green + c->blue, at), b);
    return between(low, high, g);
}

INLINE v16 cube(const float *table, const cells *c, const int32_t *at, v4 red, v4 green, v4 blue) {
    v16 r = for_pixels(red), g = for_pixels(green), b = for_pixels(blue);
    return between(square(table, c, at, g, b), square(table + c->red, c, at, g, b), r);
}

static void cubes_step(const step *by, block *pixels, int64_t count) {
    EACH_VECTOR {
        cells c = cells_of(by, pixels, x);
        const int32_t *at = (const int32_t *)&c.base;
        put_back(pixels, x,
                 planar_of(cube(by->table, &c, at, c.r.s0123, c.g.s0123, c.b.s0123),
                           cube(by->table, &c, at + 4, c.r.s4567, c.g.s4567, c.b.s4567),
                           cube(by->table, &c, at + 8, c.r.s89ab, c.g.s89ab, c.b.s89ab),
                           cube(by->table, &c, at + 12, c.r.scdef, c.g.scdef, c.b.scdef)));
    }
}

/* -- the program --------------------------------------------------------------------------------------------------- */

typedef void (*channel_function)(const step *, float *, int, int64_t);
typedef void (*block_function)(const step *, block *, int64_t);
static const channel_function CHANNELS[] = {
    [SCALE] = scale_step,         [POWER] = power_step,
    [BEND] = bend_step,           [LOGARITHM] = logarithm_step,
    [CLAMP] = clamp_step,         [ANTILOGARITHM] = antilogarithm_step,
    [CURVES] = curve_step,        [TRACE] = trace_step,
    [RATIO] = ratio_step,         [HALVES] = halves_step,
};
static const block_function BLOCKS[] = {[MATRIX] = matrix_step, [TETRAHEDRA] = tetrahedra_step, [CUBES] = cubes_step};

/* Up to BLOCK pixels. Those up to the next vector's end are zeros. Alpha 0 and 1 leave colour as it is. */
INLINE void read_block(const float *from, int64_t count, int premultiplied, block *pixels) {
    EACH_VECTOR {
        planar p = load_planar_part(from + 4 * x, count - x);
        if (premultiplied && !__builtin_reduce_and(p.a == 1.0f)) {
            v16 divisor = straightening(p.a);
            p.r /= divisor;
            p.g /= divisor;
            p.b /= divisor;
        }
        store16(pixels->colour[0] + x, p.r);
        store16(pixels->colour[1] + x, p.g);
        store16(pixels->colour[2] + x, p.b);
        store16(pixels->alpha + x, p.a);
    }
}

INLINE void write_block(float *to, int64_t count, int premultiplied, const block *pixels) {
    EACH_VECTOR {
        planar p = {load16(pixels->colour[0] + x), load16(pixels->colour[1] + x), load16(pixels->colour[2] + x),
                    load16(pixels->alpha + x)};
        if (premultiplied) {
            p.r *= p.a;
            p.g *= p.a;
            p.b *= p.a;
        }
        store_planar_part(to + 4 * x, p, count - x);
    }
}

EXPORT void artifex_grade(const step *steps, int64_t number, int32_t premultiplied, const float *pixels, int64_t stride,
                          float *out, int64_t out_stride, int64_t height, int64_t width) {
    block work;
    for (int64_t y = 0; y < height; y++) {
        for (int64_t x = 0; x < width; x += BLOCK) {
            int64_t count = least(BLOCK, width - x);
            read_block(row_in(pixels, stride, y) + 4 * x, count, premultiplied, &work);
            for (const step *by = steps; by < steps + number; by++) {
                channel_function change = CHANNELS[by->kind];
                if (!change) BLOCKS[by->kind](by, &work, count);
                else
                    for (int channel = 0; channel < 3; channel++) change(by, work.colour[channel], channel, count);
            }
            write_block(row_at(out, out_stride, y) + 4 * x, count, premultiplied, &work);
        }
    }
}
