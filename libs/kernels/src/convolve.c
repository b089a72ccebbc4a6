/* Sums over a fixed neighbourhood: single pixels with their weights, and runs of pixels along a row with one weight.
 *
 * A run is the difference of two prefix sums, so a disc costs what its rim has pixels, not what its area has. Prefix sums
 * are kept over a tile of the picture only: they stay small, so their rounding does, and what is not a finite number
 * spoils no more than its tile.
 */
#include <stdlib.h>

#include "vector.h"

/* Filled by libs/kernels/convolution.py. Offsets are from a pixel of the result to one of the source. */
typedef struct {
    int64_t taps;           /* how many */
    const int32_t *tap_at;  /* of each: down, across */
    const float *tap_weight;
    int64_t runs;
    const int32_t *run_at;  /* of each: down, across to the first pixel, across to the one after the last */
    const float *run_weight;
    int64_t top, bottom, left, right; /* how far any of them reaches */
} footprint;

/* Pixels of the result that are summed at once: four vectors of RGBA. */
enum { AT_ONCE = 16, PIXEL = 4, TILE = 128 };

/* Exclusive prefix sums of `width` pixels: width + 1 entries. Four rows at a time, since each sum waits for the last. */
static void prefix_rows(const float *from, int64_t stride, int64_t rows, int64_t width, float *to, int64_t to_stride) {
    for (int64_t y = 0; y < rows; y += 4) {
        int64_t some = least(4, rows - y);
        v4 sum[4] = {(v4)0.0f, (v4)0.0f, (v4)0.0f, (v4)0.0f};
        for (int64_t x = 0; x < width; x++) {
            for (int64_t i = 0; i < some; i++) {
                store4(row_at(to, to_stride, y + i) + PIXEL * x, sum[i]);
                sum[i] += load4(row_in(from, stride, y + i) + PIXEL * x);
            }
        }
        for (int64_t i = 0; i < some; i++) store4(row_at(to, to_stride, y + i) + PIXEL * width, sum[i]);
    }
}

/* `at` is the source's pixel under the first of the result's, `sums` the prefix sum before that pixel. */
INLINE void sixteen(const footprint *of, const float *at, int64_t stride, const float *sums, int64_t sums_stride,
                    float *out) {
    v16 s0 = splat(0), s1 = splat(0), s2 = splat(0), s3 = splat(0);
    for (int64_t t = 0; t < of->taps; t++) {
        const float *from = row_in(at, stride, of->tap_at[2 * t]) + PIXEL * of->tap_at[2 * t + 1];
        v16 weight = splat(of->tap_weight[t]);
        s0 = fma16(load16(from), weight, s0);
        s1 = fma16(load16(from + 16), weight, s1);
        s2 = fma16(load16(from + 32), weight, s2);
        s3 = fma16(load16(from + 48), weight, s3);
    }
    for (int64_t t = 0; t < of->runs; t++) {
        const float *row = row_in(sums, sums_stride, of->run_at[3 * t]);
        const float *first = row + PIXEL * of->run_at[3 * t + 1], *end = row + PIXEL * of->run_at[3 * t + 2];
        v16 weight = splat(of->run_weight[t]);
        s0 = fma16(load16(end) - load16(first), weight, s0);
        s1 = fma16(load16(end + 16) - load16(first + 16), weight, s1);
        s2 = fma16(load16(end + 32) - load16(first + 32), weight, s2);
        s3 = fma16(load16(end + 48) - load16(first + 48), weight, s3);
    }
    store16(out, s0);
    store16(out + 16, s1);
    store16(out + 32, s2);
    store16(out + 48, s3);
}

INLINE void single(const footprint *of, const float *at, int64_t stride, const float *sums, int64_t sums_stride,
                   float *out) {
    v4 sum = (v4)0.0f;
    for (int64_t t = 0; t < of->taps; t++)
        sum += load4(row_in(at, stride, of->tap_at[2 * t]) + PIXEL * of->tap_at[2 * t + 1]) * of->tap_weight[t];
    for (int64_t t = 0; t < of->runs; t++) {
        const float *row = row_in(sums, sums_stride, of->run_at[3 * t]);
        v4 part = load4(row + PIXEL * of->run_at[3 * t + 2]) - load4(row + PIXEL * of->run_at[3 * t + 1]);
        sum += part * of->run_weight[t];
    }
    store4(out, sum);
}

/* Rows first .. first + count - 1 of a result of `width` pixels of RGBA. `pixels` has `top` rows and `left` pixels more
 * before the result's first, and `bottom` and `right` behind its last. Returns -1 where memory is short. */
EXPORT int artifex_convolve(const float *pixels, int64_t stride, const footprint *of, int64_t width, int64_t first,
                            int64_t count, float *out, int64_t out_stride) {
    int64_t across = of->left + of->right, down = of->top + of->bottom;
    int64_t tile = most(TILE, across), band = most(TILE / 2, down);
    int64_t sums_stride = (tile + across + 1) * PIXEL * (int64_t)sizeof(float);
    float *prefix = NULL;
    if (of->runs) {
        prefix = malloc((size_t)(sums_stride * (least(band, count) + down)));
        if (!prefix) return -1;
    }
    for (int64_t y = first; y < first + count; y += band) {
        int64_t rows = least(band, first + count - y);
        for (int64_t x = 0; x < width; x += tile) {
            int64_t columns = least(tile, width - x);
            const float *corner = row_in(pixels, stride, y) + PIXEL * x;
            if (prefix) prefix_rows(corner, stride, rows + down, columns + across, prefix, sums_stride);
            for (int64_t i = 0; i < rows; i++) {
                const float *at = row_in(corner, stride, i + of->top) + PIXEL * of->left;
                const float *sums = prefix ? row_in(prefix, sums_stride, i + of->top) + PIXEL * of->left : NULL;
                float *to = row_at(out, out_stride, y + i) + PIXEL * x;
                int64_t j = 0;
                for (; j + AT_ONCE <= columns; j += AT_ONCE)
                    sixteen(of, at + PIXEL * j, stride, sums + PIXEL * j, sums_stride, to + PIXEL * j);
                for (; j < columns; j++)
                    single(of, at + PIXEL * j, stride, sums + PIXEL * j, sums_stride, to + PIXEL * j);
            }
        }
    }
    free(prefix);
    return 0;
}
