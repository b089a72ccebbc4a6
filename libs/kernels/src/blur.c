/* Gaussian blur in two rates.
 *
 * A Gaussian of variance s² is one of s2² followed by one of s1², where s² = s1² + s2². What the first leaves holds no
 * fine detail, so it is computed at every D-th place only ("down"), and the second interpolates between these ("up").
 * The weights come from libs/kernels/blur.py, which chooses D and the split so that aliasing stays below 1e-7 of the
 * brightest value. With D = 1 there is no up. Cost per pixel hardly depends on the sigma.
 *
 * Down runs over rows first. Of 16 / channels low rows at once it makes groups, in which these rows lie side by side
 * for each column, 16 floats: so across, too, every operation is on 16 dense floats.
 */
#include <stdlib.h>

#include "vector.h"

/* Filled by libs/kernels/native.py. One side of the picture. */
typedef struct {
    int64_t size;         /* pixels */
    int64_t step;         /* D */
    int64_t low_first;    /* place of low sample 0, at or before pixel 0 */
    int64_t low_size;     /* low samples */
    const float *down;    /* 2 reach + 1 weights, with 3 D zeros on both sides */
    int64_t down_reach;
    const float *up;      /* D rows of `up_taps` weights: of an output with this remainder to D */
    int64_t up_taps;
    int64_t up_first;     /* of an output in the interval of low sample j, the first tap is low sample j + up_first */
} side;

/* Register blocks: as many sums as the processor can hold, `BLOCK_VECTORS` of 16 or fewer floats times four rows. */
#if defined(__AVX512F__)
typedef v16 vn;
typedef v16u vnu;
enum { VN = 16, BLOCK = 4 };
#elif defined(__AVX__)
typedef v8 vn;
typedef v8u vnu;
enum { VN = 8, BLOCK = 2 };
#else
typedef v4 vn;
typedef v4u vnu;
enum { VN = 4, BLOCK = 2 };
#endif

INLINE vn loadn(const float *from) { return *(const vnu *)from; }
INLINE void storen(float *to, vn value) { *(vnu *)to = value; }

/* Four low samples, the first of them `low`, of `vectors` * VN columns: sums[4][BLOCK]. `from` is sample 0, and the
 * samples lie `stride` bytes apart. */
INLINE void down_four(const side *of, int64_t low, const float *from, int64_t stride, int vectors, vn sums[4][BLOCK]) {
    int64_t centre = of->low_first + low * of->step;
    int64_t begin = most(0, centre - of->down_reach);
    int64_t end = least(of->size, centre + 3 * of->step + of->down_reach + 1);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < vectors; j++) sums[i][j] = (vn)0.0f;
    if (begin >= end) return;
    /* The weight of sample s for low sample i is down[s - centre - i D + reach], counted from behind the zeros. */
    const float *weights = of->down + 3 * of->step + (begin - centre + of->down_reach);
    const float *at = row_in(from, stride, begin);
    int64_t step = of->step;
    for (int64_t s = begin; s < end; s++) {
        vn w0 = (vn)weights[0], w1 = (vn)weights[-step], w2 = (vn)weights[-2 * step], w3 = (vn)weights[-3 * step];
        for (int j = 0; j < vectors; j++) {
            vn value = loadn(at + j * VN);
            sums[0][j] += value * w0;
            sums[1][j] += value * w1;
            sums[2][j] += value * w2;
            sums[3][j] += value * w3;
        }
        weights++;
        at = row_in(at, stride, 1);
    }
}

/* Four rows of a block into their group: column x of row r lies at x * 16 + r * channels. */
INLINE void pack(vn sums[4][BLOCK], int vectors, int64_t first_row, int64_t channels, int64_t first_value,
                 float *group) {
    for (int j = 0; j < vectors; j++) {
        for (int i = 0; i < 4; i++) {
            if (channels == 4) {
                float *to = group + (first_value + j * VN) * 4 + (first_row + i) * 4;
                for (int k = 0; k < VN / 4; k++) {
                    v4 pixel;
                    for (int c = 0; c < 4; c++) pixel[c] = sums[i][j][4 * k + c];
                    store4(to + 16 * k, pixel);
                }
            } else {
                float *to = group + (first_value + j * VN) * 16 + first_row + i;
                for (int k = 0; k < VN; k++) to[16 * k] = sums[i][j][k];
            }
        }
    }
}

/* Columns `from` .. `to` (in floats) of one group of low rows. */
static void down_group(const side *rows, const float *pixels, int64_t stride, int64_t channels, int64_t group_index,
                       int64_t from, int64_t to, float *group) {
    int64_t together = 16 / channels;
    for (int64_t x = from; x < to;) {
        int64_t left = to - x;
        for (int64_t r = 0; r < together; r += 4) {
            vn sums[4][BLOCK];
            int64_t low = group_index * together + r;
            if (left >= BLOCK * VN) {
                down_four(rows, low, pixels + x, stride, BLOCK, sums);
                pack(sums, BLOCK, r, channels, x, group);
            } else if (left >= VN) {
                down_four(rows, low, pixels + x, stride, 1, sums);
                pack(sums, 1, r, channels, x, group);
            } else {
                /* The end of a row: copied out, so that nothing behind it is read. `left` is whole pixels. */
                int64_t centre = rows->low_first + low * rows->step;
                int64_t begin = most(0, centre - rows->down_reach);
                int64_t end = least(rows->size, centre + 3 * rows->step + rows->down_reach + 1);
                vn part[4] = {(vn)0.0f, (vn)0.0f, (vn)0.0f, (vn)0.0f};
                for (int64_t s = begin; s < end; s++) {
                    float tail[VN] = {0};
                    memcpy(tail, row_in(pixels + x, stride, s), (size_t)left * sizeof(float));
                    const float *weights = rows->down + 3 * rows->step + (s - centre + rows->down_reach);
                    vn value = loadn(tail);
                    for (int i = 0; i < 4; i++) part[i] += value * (vn)weights[-i * rows->step];
                }
                for (int i = 0; i < 4; i++) {
                    for (int64_t k = 0; k < left; k++) {
                        int64_t at = channels == 4 ? (x + k) / 4 * 16 + (r + i) * 4 + k % 4 : (x + k) * 16 + r + i;
                        group[at] = part[i][k];
                    }
                }
            }
        }
        x += left >= BLOCK * VN ? BLOCK * VN : left >= VN ? VN : left;
    }
}

/* Sixteen floats, an entry of a group, into the rows that they belong to; `rows` of them exist. */
INLINE void unpack(v16 values, int64_t channels, float *to, int64_t stride, int64_t rows) {
    if (channels == 4) {
        v4 parts[4] = {values.s0123, values.s4567, values.s89ab, values.scdef};
        for (int64_t r = 0; r < rows; r++) store4(row_at(to, stride, r), parts[r]);
    } else {
        for (int64_t r = 0; r < rows; r++) *row_at(to, stride, r) = values[r];
    }
}

/* Across, for one group: down into `low`, up into the low rows. With D = 1 down gives the rows themselves. */
static void across_group(const side *columns, const float *group, float *low, int64_t channels, float *out,
                         int64_t out_stride, int64_t rows) {
    for (int64_t j = 0; j < columns->low_size; j += 4) {
        vn sums[4][16 / VN][BLOCK];
        for (int part = 0; part < 16 / VN; part++) {
            vn four[4][BLOCK];
            down_four(columns, j, group + part * VN, 16 * sizeof(float), 1, four);
            for (int i = 0; i < 4; i++) sums[i][part][0] = four[i][0];
        }
        for (int i = 0; i < 4 && j + i < columns->low_size; i++) {
            float entry[16];
            for (int part = 0; part < 16 / VN; part++) storen(entry + part * VN, sums[i][part][0]);
            v16 value = load16(entry);
            if (columns->step > 1) store16(low + (j + i) * 16, value);
            else unpack(value, channels, out + (j + i) * channels, out_stride, rows);
        }
    }
    if (columns->step == 1) return;
    for (int64_t x = 0; x < columns->size; x++) {
        int64_t place = x - columns->low_first;
        const float *taps = low + (place / columns->step + columns->up_first) * 16;
        const float *weights = columns->up + place % columns->step * columns->up_taps;
        v16 sum = load16(taps) * weights[0];
        for (int64_t t = 1; t < columns->up_taps; t++) sum = fma16(load16(taps + t * 16), splat(weights[t]), sum);
        unpack(sum, channels, out + x * channels, out_stride, rows);
    }
}

/* Floats of a row worked on at once, so that the rows which a group needs stay in the second-level cache; and bytes of
 * groups made before they are blurred across, for the same reason. */
enum { STRIPE = 1024, GROUP_BYTES = 1 << 20 };

/* Groups first .. first + count - 1 of the low rows, blurred across, to `low_rows`, which begin with low row 0. With
 * D = 1 down, these are the result. `channels` is 1 or 4. Returns -1 where memory is short. */
EXPORT int artifex_blur_down(const float *pixels, int64_t stride, int64_t channels, const side *rows,
                             const side *columns, int64_t first, int64_t count, float *low_rows, int64_t low_stride) {
    int64_t width = columns->size * channels, group_size = columns->size * 16, together = 16 / channels;
    int64_t at_once = least(count, most(1, GROUP_BYTES / (group_size * (int64_t)sizeof(float))));
    float *groups = malloc((size_t)(group_size * at_once) * sizeof(float));
    float *low = malloc((size_t)columns->low_size * 16 * sizeof(float));
    if (!groups || !low) {
        free(groups);
        free(low);
        return -1;
    }
    for (int64_t done = 0; done < count; done += at_once) {
        int64_t some = least(at_once, count - done);
        for (int64_t x = 0; x < width; x += STRIPE)
            for (int64_t g = 0; g < some; g++)
                down_group(rows, pixels, stride, channels, first + done + g, x, least(width, x + STRIPE),
                           groups + g * group_size);
        for (int64_t g = 0; g < some; g++) {
            int64_t row = (first + done + g) * together;
            across_group(columns, groups + g * group_size, low, channels, row_at(low_rows, low_stride, row), low_stride,
                         least(together, rows->low_size - row));
        }
    }
    free(groups);
    free(low);
    return 0;
}

/* Rows first .. first + count - 1 of the result from the low rows; `width` counts floats. */
EXPORT void artifex_blur_up(const float *low_rows, int64_t low_stride, int64_t width, const side *rows, int64_t first,
                            int64_t count, float *out, int64_t out_stride) {
    for (int64_t y = first, lines; y < first + count; y += lines) {
        /* The rows between two low ones have their taps in common, which then lie in the first-level cache. */
        int64_t place = y - rows->low_first, remainder = place % rows->step;
        const float *taps = row_in(low_rows, low_stride, place / rows->step + rows->up_first);
        lines = least(rows->step - remainder, first + count - y);
        for (int64_t x = 0; x < width; x += 64) {
            int64_t left = width - x;
            for (int64_t d = 0; d < lines; d++) {
                const float *weights = rows->up + (remainder + d) * rows->up_taps;
                float *to = row_at(out, out_stride, y + d) + x;
                if (left >= 64) {
                    v16 s0 = splat(0), s1 = splat(0), s2 = splat(0), s3 = splat(0);
                    for (int64_t t = 0; t < rows->up_taps; t++) {
                        const float *from = row_in(taps, low_stride, t) + x;
                        v16 weight = splat(weights[t]);
                        s0 = fma16(load16(from), weight, s0);
                        s1 = fma16(load16(from + 16), weight, s1);
                        s2 = fma16(load16(from + 32), weight, s2);
                        s3 = fma16(load16(from + 48), weight, s3);
                    }
                    store16(to, s0);
                    store16(to + 16, s1);
                    store16(to + 32, s2);
                    store16(to + 48, s3);
                } else {
                    for (int64_t k = 0; k < left; k += LANES) {
                        v16 sum = splat(0);
                        for (int64_t t = 0; t < rows->up_taps; t++) {
                            v16 value = load_part(row_in(taps, low_stride, t) + x + k, left - k);
                            sum = fma16(value, splat(weights[t]), sum);
                        }
                        store_part(to + k, sum, left - k);
                    }
                }
            }
        }
    }
}
