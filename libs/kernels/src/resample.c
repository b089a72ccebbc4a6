/* Moving a picture in its plane. Weights are computed for each point, not looked up; see libs.kernels.weights.
 *
 * Two ways: where the map is a scale and a shift, the weights of a column and of a row are the same everywhere, and a
 * row of the result is one weighted sum of rows and then one along it. Any other map is sampled point by point.
 */
#include <stdlib.h>

#include "sampling.h"

/* Rows first .. first + count - 1 of the result; `pixels` begins with the first of them. */
typedef struct {
    float *pixels;
    int64_t stride, first, count, width;
} target;

/* Points found at once. */
enum { POINTS = 64 };

typedef struct {
    int32_t x[POINTS], y[POINTS];        /* the first tap */
    float fx[POINTS], fy[POINTS];        /* how far the point lies behind the sample at or before it */
} points;

/* The taps of `count` points of row y from column x on. */
INLINE void find_points(const double *m, int filter, int64_t x, int64_t y, int64_t count, points *to) {
    double half = filter == NEAREST ? 0.5 : 0.0;
    int32_t before = (TAPS[filter] - 1) / 2;
    double rx = m[1] * (double)y + m[2], ry = m[4] * (double)y + m[5], rw = m[7] * (double)y + m[8];
    int affine = m[6] == 0.0 && m[7] == 0.0 && m[8] == 1.0;
    for (int64_t i = 0; i < count; i++) {
        double column = (double)(x + i), px = m[0] * column + rx, py = m[3] * column + ry;
        double w = affine ? 1.0 : m[6] * column + rw;
        if (!affine) {
            px /= w;
            py /= w;
        }
        int near = w > 0.0 && px > -FAR && px < FAR && py > -FAR && py < FAR;
        px = near ? px + half : -FAR;
        py = near ? py + half : -FAR;
        double lx = floor(px), ly = floor(py);
        to->fx[i] = (float)(px - lx);
        to->fy[i] = (float)(py - ly);
        to->x[i] = (int32_t)lx - before;
        to->y[i] = (int32_t)ly - before;
    }
}

/* -- point by point --------------------------------------------------------------------------------------------- */

/* Row y of the result. */
INLINE void by_points(const picture *from, int channels, const double *m, int filter, int64_t y, int64_t out_width,
                      float *out) {
    int n = TAPS[filter];
    for (int64_t x = 0; x < out_width; x += POINTS) {
        points at;
        int64_t count = least(POINTS, out_width - x);
        find_points(m, filter, x, y, count, &at);
        for (int64_t i = 0; i < count; i++) {
            int64_t px = at.x[i], py = at.y[i];
            v4 value = (v4)0.0f;
            if (px > -n && py > -n && px < from->width && py < from->height) {
                v8 wx = weights_of(filter, at.fx[i]), wy = weights_of(filter, at.fy[i]);
                if (channels == 1)
                    value[0] = single_at(from, px, py, n, wx, wy);
                else if (px >= 0 && py >= 0 && px + n <= from->width && py + n <= from->height)
                    value = inside(row_in(from->pixels, from->stride, py) + 4 * px, from->stride, n, wx, wy);
                else
                    value = at_edge(from, px, py, n, wx, wy);
            }
            if (channels == 1) out[x + i] = value[0];
            else store4(out + 4 * (x + i), value);
        }
    }
}

/* -- scale and shift: across and down apart ------------------------------------------------------------------------ */

/* One of the two sides: for each output pixel its first tap, and its weights. */
typedef struct {
    int32_t *first;
    float *weights;
} track;

static void find_track(double scale, double shift, int filter, int64_t begin, int64_t count, track to) {
    double m[9] = {scale, 0, shift, 0, 0, 0, 0, 0, 1};
    int n = TAPS[filter];
    for (int64_t x = 0; x < count; x += POINTS) {
        points at;
        int64_t some = least(POINTS, count - x);
        find_points(m, filter, begin + x, 0, some, &at);
        for (int64_t i = 0; i < some; i++) {
            to.first[x + i] = at.x[i];
            v8 weights = weights_of(filter, at.fx[i]);
            for (int k = 0; k < n; k++) to.weights[(x + i) * n + k] = weights[k];
        }
    }
}

/* A row of the result from `line`, a weighted sum of rows with 8 transparent pixels to both sides. */
INLINE void along(const float *line, int64_t width, track columns, int filter, int channels, int64_t out_width,
                  float *out) {
    int n = TAPS[filter];
    for (int64_t x = 0; x < out_width; x++) {
        const float *wx = columns.weights + x * n;
        int64_t px = most(-8, least(width, columns.first[x]));
        const float *at = line + px * channels;
        if (channels == 1) {
            float sum = 0.0f;
            for (int k = 0; k < n; k++) sum += at[k] * wx[k];
            out[x] = sum;
            continue;
        }
        v4 value;
        if (n == 1) {
            value = load4(at);
        } else if (n == 2) {
            value = load4(at) * wx[0] + load4(at + 4) * wx[1];
        } else {
            v16 sum = load16(at) * for_pixels(load4(wx));
            if (n == 8) sum = fma16(load16(at + 16), for_pixels(load4(wx + 4)), sum);
            v8 half = sum.lo + sum.hi;
            value = half.lo + half.hi;
        }
        store4(out + 4 * x, value);
    }
}

INLINE int separable(const picture *from, int channels, const double *m, int filter, const target *to) {
    int n = TAPS[filter];
    int64_t values = from->width * channels, line_size = (from->width + 16) * channels;
    track columns = {malloc((size_t)to->width * sizeof(int32_t)), malloc((size_t)(to->width * n) * sizeof(float))};
    track rows = {malloc((size_t)to->count * sizeof(int32_t)), malloc((size_t)(to->count * n) * sizeof(float))};
    float *line = calloc((size_t)line_size + LANES, sizeof(float));
    int short_of_memory = !columns.first || !columns.weights || !rows.first || !rows.weights || !line;
    if (!short_of_memory) {
        find_track(m[0], m[2], filter, 0, to->width, columns);
        find_track(m[4], m[5], filter, to->first, to->count, rows);
        /* The columns that are read at all: others need not be summed. */
        int64_t low = values, high = 0;
        for (int64_t x = 0; x < to->width; x++) {
            low = least(low, most(0, columns.first[x]) * channels);
            high = most(high, least(from->width, columns.first[x] + n) * channels);
        }
        for (int64_t y = 0; y < to->count; y++) {
            float *out = row_at(to->pixels, to->stride, y), *wide = line + 8 * channels;
            int64_t top = rows.first[y];
            if (top <= -n || top >= from->height || low >= high) {
                memset(out, 0, (size_t)(to->width * channels) * sizeof(float));
                continue;
            }
            for (int64_t x = low; x < high; x += LANES) {
                int64_t left = high - x;
                v16 sum = splat(0);
                for (int i = 0; i < n; i++) {
                    if (top + i < 0 || top + i >= from->height) continue;
                    v16 value = load_part(row_in(from->pixels, from->stride, top + i) + x, left);
                    sum = n == 1 ? value : fma16(value, splat(rows.weights[y * n + i]), sum);
                }
                store_part(wide + x, sum, left);
            }
            along(wide, from->width, columns, filter, channels, to->width, out);
        }
    }
    free(columns.first);
    free(columns.weights);
    free(rows.first);
    free(rows.weights);
    free(line);
    return short_of_memory ? -1 : 0;
}

INLINE int resampled(const picture *from, int channels, const double *m, int filter, const target *to) {
    int apart = m[1] == 0.0 && m[3] == 0.0 && m[6] == 0.0 && m[7] == 0.0 && m[8] == 1.0;
    if (apart) return separable(from, channels, m, filter, to);
    for (int64_t y = 0; y < to->count; y++)
        by_points(from, channels, m, filter, to->first + y, to->width, row_at(to->pixels, to->stride, y));
    return 0;
}

/* Filter and channels told apart at compile time. */
#define BY(filter) \
    case filter: return channels == 4 ? resampled(&from, 4, m, filter, &to) : resampled(&from, 1, m, filter, &to)

/* `m` takes (column, row) of the result to a sample's index, as fractions. `channels` is 1 or 4. Returns -1 where
 * memory is short. */
EXPORT int artifex_resample(const float *pixels, int64_t stride, int64_t height, int64_t width, int64_t channels,
                            const double *m, int32_t filter, int64_t first, int64_t count, int64_t out_width,
                            float *out, int64_t out_stride) {
    picture from = {pixels, stride, height, width};
    target to = {out, out_stride, first, count, out_width};
    switch (filter) {
        BY(NEAREST);
        BY(BILINEAR);
        BY(CUBIC);
        BY(MITCHELL);
    default: return channels == 4 ? resampled(&from, 4, m, LANCZOS4, &to) : resampled(&from, 1, m, LANCZOS4, &to);
    }
}
