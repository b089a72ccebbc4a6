/* Erosion and dilation of a mask by a flat shape of any size, between whole pixels too.
 *
 * The shape is a union of runs along rows, as in E. R. Urbach and M. H. F. Wilkinson, Efficient 2-D Grayscale
 * Morphological Transformations with Arbitrary Flat Structuring Elements, 2008. Level k of a table holds the largest of
 * the 2^k values from each place on, so that the largest of a run is that of two places. Where the shape ends between
 * pixels, the value there is read linearly from its two or four neighbours. libs/kernels/morphology.py says which places.
 */
#include <stdlib.h>

#include "vector.h"

/* Filled by libs/kernels/morphology.py. Places are relative to the pixel. */
typedef struct {
    int32_t level, dx, dy;
} place;
typedef struct {
    int32_t dx, dy, other_dx, other_dy;
    float part; /* of the other */
} between;
typedef struct {
    int32_t dx, dy; /* the upper left of four pixels */
    float across, down;
} amid;

/* Columns worked on at once, so that the rows which an output row needs stay in the second-level cache. */
enum { TILE = 256 };

/* The value read linearly between four pixels. */
INLINE v16 read_amid(const float *at, int64_t row_size, float across, float down) {
    v16 upper = load16(at), lower = load16(at + row_size);
    upper = fma16(load16(at + 1) - upper, splat(across), upper);
    lower = fma16(load16(at + row_size + 1) - lower, splat(across), lower);
    return fma16(lower - upper, splat(down), upper);
}

INLINE v16 larger(v16 a, v16 b) { return __builtin_elementwise_max(a, b); }

/* Row r, column c of level k lies at k * level_size + r * row_size + c. */
static void fill_tables(const float *pixels, int64_t stride, int64_t rows, int64_t columns, int64_t levels, float sign,
                        float *tables, int64_t row_size, int64_t level_size) {
    for (int64_t y = 0; y < rows; y++) {
        const float *from = row_in(pixels, stride, y);
        float *to = tables + y * row_size;
        for (int64_t x = 0; x < row_size; x += LANES) {
            v16 values = x < columns ? load_part(from + x, columns - x) : splat(0.0f);
            store16(to + x, values * sign);
        }
        for (int64_t k = 1; k < levels; k++) {
            const float *below = to + (k - 1) * level_size;
            float *level = to + k * level_size;
            int64_t step = (int64_t)1 << (k - 1), end = row_size - step;
            int64_t x = 0;
            for (; x + LANES <= end; x += LANES) store16(level + x, larger(load16(below + x), load16(below + x + step)));
            /* Runs that reach beyond the tile are asked for by columns that are not kept. */
            for (; x < row_size; x += LANES) store16(level + x, load16(below + x));
        }
    }
}

/* Rows first .. first + count - 1 of the result, `width` long, to `out`. `pixels` has `margin` more on every side.
 * `sign` is 1 for the largest values and -1 for the smallest. Returns -1 where memory is short. */
EXPORT int artifex_morphology(const float *pixels, int64_t stride, int64_t margin, int64_t levels, const place *places,
                              int64_t place_count, const between *ends, int64_t end_count, const amid *corners,
                              int64_t corner_count, float sign, int64_t first, int64_t count, int64_t width, float *out,
                              int64_t out_stride) {
    int64_t rows = count + 2 * margin, row_size = (TILE + 2 * margin + 2 * LANES - 1) / LANES * LANES;
    int64_t level_size = rows * row_size;
    float *tables = malloc((size_t)(levels * level_size) * sizeof(float));
    int64_t *offsets = malloc((size_t)(place_count + 2 * end_count + 1) * sizeof(int64_t));
    if (!tables || !offsets) {
        free(tables);
        free(offsets);
        return -1;
    }
    int64_t *pairs = offsets + place_count;
    for (int64_t i = 0; i < place_count; i++)
        offsets[i] = places[i].level * level_size + places[i].dy * row_size + places[i].dx;
    for (int64_t i = 0; i < end_count; i++) {
        pairs[2 * i] = ends[i].dy * row_size + ends[i].dx;
        pairs[2 * i + 1] = ends[i].other_dy * row_size + ends[i].other_dx;
    }
    for (int64_t left = 0; left < width; left += TILE) {
        int64_t wide = least(TILE, width - left);
        fill_tables(row_in(pixels, stride, first) + left, stride, rows, wide + 2 * margin, levels, sign, tables,
                    row_size, level_size);
        for (int64_t y = 0; y < count; y++) {
            const float *centre = tables + (y + margin) * row_size + margin;
            float *to = row_at(out, out_stride, first + y) + left;
            for (int64_t x = 0; x < wide; x += 2 * LANES) {
                const float *at = centre + x;
                v16 one = load16(at), two = load16(at + LANES);
                for (int64_t i = 0; i < place_count; i++) {
                    one = larger(one, load16(at + offsets[i]));
                    two = larger(two, load16(at + offsets[i] + LANES));
                }
                for (int64_t i = 0; i < end_count; i++) {
                    const float *here = at + pairs[2 * i], *there = at + pairs[2 * i + 1];
                    v16 part = splat(ends[i].part), first_of = load16(here), second_of = load16(here + LANES);
                    one = larger(one, fma16(load16(there) - first_of, part, first_of));
                    two = larger(two, fma16(load16(there + LANES) - second_of, part, second_of));
                }
                for (int64_t i = 0; i < corner_count; i++) {
                    const float *corner = at + corners[i].dy * row_size + corners[i].dx;
                    one = larger(one, read_amid(corner, row_size, corners[i].across, corners[i].down));
                    two = larger(two, read_amid(corner + LANES, row_size, corners[i].across, corners[i].down));
                }
                store_part(to + x, one * sign, wide - x);
                if (x + LANES < wide) store_part(to + x + LANES, two * sign, wide - x - LANES);
            }
        }
    }
    free(tables);
    free(offsets);
    return 0;
}
