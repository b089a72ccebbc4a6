/* Reading a picture where a map says, averaged over as much of it as a pixel of the result covers.
 *
 * Where the map shrinks, a filter is made as wide as the picture's step from pixel to pixel, across and down apart: the
 * length of the gradient of the place's x, and of its y. Where that is long, samples are taken from pictures of half,
 * a quarter... of the size, each the mean of four pixels of the one before.
 */
#include <stdlib.h>

#include "widened.h"

/* A picture, or one of its halves: `shift` is where it begins in the grid of its own pixels, in those of the first. */
typedef struct {
    picture picture;
    double shift_x, shift_y, size;
} level;

/* As the caller tells them: a row of integers for each. */
enum { ADDRESS, STRIDE, HEIGHT, WIDTH, SHIFT_X, SHIFT_Y, FACTS, LEVELS = 32 };

/* Steps that are filtered as they are; longer ones in halves. Both sides beyond 4, or either beyond 32. */
static const double DEEP = 4.0, LONG = 32.0;
/* Steps up to here are of one pixel. */
static const double SAME = 1.0 + 1e-6;

/* -- one point ----------------------------------------------------------------------------------------------------- */

typedef struct {
    const level *levels;
    int count, wanted;
    float *across, *down;
} pyramid;

/* The picture at (px, py), in samples, for steps of sx and sy. */
INLINE v4 read_at(pyramid *from, int channels, int filter, double px, double py, double sx, double sy) {
    const picture *first = &from->levels[0].picture;
    if (!(px > -FAR && px < FAR && py > -FAR && py < FAR)) return (v4)0.0f;
    sx = sx < WIDEST ? sx : WIDEST;
    sy = sy < WIDEST ? sy : WIDEST;
    if (filter == NEAREST || (filter != BOX && sx <= SAME && sy <= SAME)) {
        int n = TAPS[filter];
        double half = filter == NEAREST ? 0.5 : 0.0, lx = floor(px + half), ly = floor(py + half);
        int64_t x = (int64_t)lx - (n - 1) / 2, y = (int64_t)ly - (n - 1) / 2;
        if (x <= -n || y <= -n || x >= first->width || y >= first->height) return (v4)0.0f;
        v8 wx = weights_of(filter, (float)(px - lx)), wy = weights_of(filter, (float)(py - ly));
        if (channels == 1) return (v4){single_at(first, x, y, n, wx, wy)};
        if (x >= 0 && y >= 0 && x + n <= first->width && y + n <= first->height)
            return inside(row_in(first->pixels, first->stride, y) + 4 * x, first->stride, n, wx, wy);
        return at_edge(first, x, y, n, wx, wy);
    }
    double least_step = filter == BOX ? 1e-6 : 1.0;
    int deep = 0;
    for (double low = sx < sy ? sx : sy, high = sx < sy ? sy : sx; low > DEEP || high > LONG; low /= 2, high /= 2) deep++;
    if (deep >= from->count) {
        if (deep > from->wanted) from->wanted = deep;
        return (v4)0.0f;
    }
    const level *at = &from->levels[deep];
    if (deep) {
        px = (px + 0.5 + at->shift_x) / at->size - 0.5;
        py = (py + 0.5 + at->shift_y) / at->size - 0.5;
        sx /= at->size;
        sy /= at->size;
    }
    sx = sx > least_step ? sx : least_step;
    sy = sy > least_step ? sy : least_step;
    double rx = REACH[filter] * sx + 1, ry = REACH[filter] * sy + 1;
    if (px < -rx || py < -ry || px > (double)at->picture.width + rx || py > (double)at->picture.height + ry)
        return (v4)0.0f;
    int64_t x, y, nx = widened(filter, px, sx, at->picture.width, &x, from->across);
    int64_t ny = widened(filter, py, sy, at->picture.height, &y, from->down);
    return wide_sum(&at->picture, channels, x, nx, from->across, y, ny, from->down);
}

/* Whether there is memory for it. */
static int begin(pyramid *to, level *levels, const int64_t *table, int32_t count) {
    for (int k = 0; k < count; k++, table += FACTS) {
        picture found = {(const float *)table[ADDRESS], table[STRIDE], table[HEIGHT], table[WIDTH]};
        levels[k] = (level){found, (double)table[SHIFT_X], (double)table[SHIFT_Y], ldexp(1.0, k)};
    }
    /* Steps beyond LONG are read in halves. */
    size_t size = (size_t)most_weights(LONG) * sizeof(float);
    *to = (pyramid){levels, count, 0, malloc(size), malloc(size)};
    return to->across && to->down;
}

static int end(pyramid *from) {
    free(from->across);
    free(from->down);
    return from->wanted;
}

/* -- by a matrix --------------------------------------------------------------------------------------------------- */

INLINE void projected(pyramid *from, int channels, const double *m, int filter, int64_t y, int64_t width, float *out) {
    double rx = m[1] * (double)y + m[2], ry = m[4] * (double)y + m[5], rw = m[7] * (double)y + m[8];
    for (int64_t x = 0; x < width; x++) {
        double column = (double)x, w = m[6] * column + rw;
        v4 value = (v4)0.0f;
        if (w > 0.0) {
            double px = (m[0] * column + rx) / w, py = (m[3] * column + ry) / w;
            double xx = (m[0] - px * m[6]) / w, xy = (m[1] - px * m[7]) / w;
            double yx = (m[3] - py * m[6]) / w, yy = (m[4] - py * m[7]) / w;
            value = read_at(from, channels, filter, px, py, sqrt(xx * xx + xy * xy), sqrt(yx * yx + yy * yy));
        }
        if (channels == 1) out[x] = value[0];
        else store4(out + 4 * x, value);
    }
}

INLINE void all_projected(pyramid *from, int channels, const double *m, int filter, int64_t first, int64_t count,
                          int64_t width, float *out, int64_t stride) {
    for (int64_t y = 0; y < count && !from->wanted; y++)
        projected(from, channels, m, filter, first + y, width, row_at(out, stride, y));
}

/* Filter and channels told apart at compile time, of `work` with these arguments between them and after. */
#define BY(filter, work, between, ...)                                         \
    case filter:                                                               \
        if (channels == 4) work(&from, 4, between, filter, __VA_ARGS__);       \
        else work(&from, 1, between, filter, __VA_ARGS__);                     \
        break
#define BY_ALL(work, between, ...)                                             \
    switch (filter) {                                                          \
        BY(NEAREST, work, between, __VA_ARGS__);                               \
        BY(BILINEAR, work, between, __VA_ARGS__);                              \
        BY(CUBIC, work, between, __VA_ARGS__);                                 \
        BY(MITCHELL, work, between, __VA_ARGS__);                              \
        BY(LANCZOS4, work, between, __VA_ARGS__);                              \
        BY(BOX, work, between, __VA_ARGS__);                                   \
    }

/* `m` takes (column, row) of the result to a sample's index, as fractions; rows `first` .. `first` + `count` - 1 of it
 * are made. `channels` is 1 or 4. Returns -1 where memory is short, and the number of a level that was wanted and is
 * not there: the result is then of no use. */
EXPORT int artifex_project(const int64_t *table, int32_t levels, int64_t channels, const double *m, int32_t filter,
                           int64_t first, int64_t count, int64_t width, float *out, int64_t stride) {
    level all[LEVELS];
    pyramid from;
    if (begin(&from, all, table, levels)) BY_ALL(all_projected, m, first, count, width, out, stride)
    else from.wanted = -1;
    return end(&from);
}

/* -- by places ----------------------------------------------------------------------------------------------------- */

/* The derivative at `here` of places that lie one before and one behind, as far as they are places at all. */
INLINE double slope(double before, double here, double behind) {
    int known = before > -FAR && before < FAR, follows = behind > -FAR && behind < FAR;
    if (known && follows) return (behind - before) * 0.5;
    return follows ? behind - here : known ? here - before : 0.0;
}

INLINE void warped(pyramid *from, int channels, const double *places, int64_t row, double ox, double oy, int filter,
                   int64_t width, float *out) {
    for (int64_t x = 0; x < width; x++) {
        const double *at = places + 2 * (x + 1), *left = at - 2, *right = at + 2, *up = at - row, *down = at + row;
        v4 value = (v4)0.0f;
        if (at[0] > -FAR && at[0] < FAR && at[1] > -FAR && at[1] < FAR) {
            double xx = slope(left[0], at[0], right[0]), xy = slope(up[0], at[0], down[0]);
            double yx = slope(left[1], at[1], right[1]), yy = slope(up[1], at[1], down[1]);
            double sx = sqrt(xx * xx + xy * xy), sy = sqrt(yx * yx + yy * yy);
            value = read_at(from, channels, filter, at[0] - ox, at[1] - oy, sx, sy);
        }
        if (channels == 1) out[x] = value[0];
        else store4(out + 4 * x, value);
    }
}

typedef struct {
    const double *places;
    double ox, oy;
} map;

INLINE void all_warped(pyramid *from, int channels, map by, int filter, int64_t first, int64_t count, int64_t width,
                       float *out, int64_t stride) {
    int64_t row = 2 * (width + 2);
    for (int64_t y = 0; y < count && !from->wanted; y++) {
        const double *at = by.places + (first + y + 1) * row;
        warped(from, channels, at, row, by.ox, by.oy, filter, width, row_at(out, stride, y));
    }
}

/* `places` holds x and y for each pixel of the result, and for those of one more row and column on every side: of
 * (height + 2) x (width + 2). (`ox`, `oy`) is the place of the first sample. What is no finite number, or beyond
 * FAR, is transparent. Returns as above. */
EXPORT int artifex_warp(const int64_t *table, int32_t levels, int64_t channels, const double *places, double ox,
                        double oy, int32_t filter, int64_t first, int64_t count, int64_t width, float *out,
                        int64_t stride) {
    level all[LEVELS];
    pyramid from;
    map by = {places, ox, oy};
    if (begin(&from, all, table, levels)) BY_ALL(all_warped, by, first, count, width, out, stride)
    else from.wanted = -1;
    return end(&from);
}

/* -- halves -------------------------------------------------------------------------------------------------------- */

/* Each pixel of the result is the mean of four: columns 2x - dx and the next of rows 2y - dy and the next; what lies
 * outside is transparent. dx and dy are 0 or 1. `channels` is 1 or 4. */
EXPORT void artifex_halve(const float *pixels, int64_t stride, int64_t height, int64_t width, int64_t channels,
                          int64_t dx, int64_t dy, float *out, int64_t out_stride, int64_t first, int64_t count,
                          int64_t out_width) {
    for (int64_t y = 0; y < count; y++) {
        int64_t top = 2 * (first + y) - dy;
        const float *upper = top >= 0 && top < height ? row_in(pixels, stride, top) : 0;
        const float *lower = top + 1 >= 0 && top + 1 < height ? row_in(pixels, stride, top + 1) : 0;
        float *to = row_at(out, out_stride, y);
        for (int64_t x = 0; x < out_width; x++) {
            int64_t left = 2 * x - dx;
            int has_left = left >= 0 && left < width, has_right = left + 1 >= 0 && left + 1 < width;
            for (int64_t c = 0; c < channels; c++) {
                int64_t at = left * channels + c, next = at + channels;
                float sum = 0.0f;
                if (upper) sum += (has_left ? upper[at] : 0.0f) + (has_right ? upper[next] : 0.0f);
                if (lower) sum += (has_left ? lower[at] : 0.0f) + (has_right ? lower[next] : 0.0f);
                to[x * channels + c] = sum * 0.25f;
            }
        }
    }
}
