/* Reading a picture where a map says, averaged over as much of it as a pixel of the result covers.
 *
 * Where the map shrinks, a filter is made as wide as the picture's step from pixel to pixel, across and down apart: the
 * length of the gradient of the place's x, and of its y. Where that is long, samples are taken from pictures of half,
 * a quarter... of the size, each the mean of four pixels of the one before.
 */
#include <stdlib.h>

#include "sampling.h"

/* A picture, or one of its halves: `shift` is where it begins in the grid of its own pixels, in those of the first. */
typedef struct {
    picture picture;
    double shift_x, shift_y, size;
} level;

/* As the caller tells them: a row of integers for each. */
enum { ADDRESS, STRIDE, HEIGHT, WIDTH, SHIFT_X, SHIFT_Y, FACTS, LEVELS = 32 };

/* Steps that are filtered as they are; longer ones in halves. Both sides beyond 4, or either beyond 32. */
static const double DEEP = 4.0, LONG = 32.0;
/* Steps are taken as no longer than that. */
static const double WIDEST = 4096.0;
/* Steps up to here are of one pixel. */
static const double SAME = 1.0 + 1e-6;

static const double REACH[] = {0.5, 1.0, 2.0, 2.0, 4.0, 0.5};

/* -- weights ------------------------------------------------------------------------------------------------------- */

/* Filters at distances of 0 and more, in steps. */
INLINE v16 pieces(int filter, v16 t) {
    const v16 none = splat(0);
    if (filter == BILINEAR) return max16(1.0f - t, none);
    v16 near, far;
    if (filter == CUBIC) {
        near = (1.5f * t - 2.5f) * t * t + 1.0f;
        far = ((-0.5f * t + 2.5f) * t - 4.0f) * t + 2.0f;
    } else {
        near = (7 / 6.0f * t - 2.0f) * t * t + 8 / 9.0f;
        far = ((-7 / 18.0f * t + 2.0f) * t - 10 / 3.0f) * t + 16 / 9.0f;
    }
    return t < 1.0f ? near : t < 2.0f ? far : none;
}

INLINE float total(v16 a) {
    v8 half = a.lo + a.hi;
    v4 quarter = half.lo + half.hi;
    return (quarter.x + quarter.y) + (quarter.z + quarter.w);
}

/* The most weights that a step of `s` needs, and room for what is stored at once. */
static int64_t most_weights(double s) { return (int64_t)(8.0 * s) + 3 + LANES; }

/* Lanczos' weights of samples low .. high, before scaling; `weights` are those of first .. last. Returns their sum. */
static float windowed_sincs(double p, double s, int64_t low, int64_t high, int64_t first, int64_t last, float *weights) {
    /* Sines turn by the same from each sample to the next. */
    const double turn = 3.14159265358979323846 / s, t = ((double)low - p) * turn;
    double sine = sin(t), cosine = cos(t), slow_sine = sin(t / 4), slow_cosine = cos(t / 4);
    double ds = sin(turn), dc = cos(turn), qs = sin(turn / 4), qc = cos(turn / 4), sum = 0.0;
    for (int64_t i = low; i <= high; i++) {
        double x = ((double)i - p) * turn;
        float weight = x > -1e-4 && x < 1e-4 ? 1.0f : (float)(4.0 * sine * slow_sine / (x * x));
        double next = sine * dc + cosine * ds;
        cosine = cosine * dc - sine * ds;
        sine = next;
        next = slow_sine * qc + slow_cosine * qs;
        slow_cosine = slow_cosine * qc - slow_sine * qs;
        slow_sine = next;
        sum += weight;
        if (i >= first && i <= last) weights[i - first] = weight;
    }
    return (float)sum;
}

/* Weights of the samples 0 .. size - 1 around p for a step of s, of the sum of 1 with those that lie outside. Box
 * weighs a sample by how much of its pixel lies within s / 2 of p. Returns how many there are, from `first` on. */
INLINE int64_t widened(int filter, double p, double s, int64_t size, int64_t *first, float *weights) {
    double reach = REACH[filter] * s;
    int64_t low, high;
    if (filter == BOX) {
        low = (int64_t)floor(p - reach + 0.5);
        high = (int64_t)ceil(p + reach + 0.5) - 1;
    } else {
        low = (int64_t)ceil(p - reach);
        high = (int64_t)floor(p + reach);
    }
    *first = most(low, 0);
    int64_t last = least(high, size - 1);
    float sum = 0.0f;
    if (filter == LANCZOS4) {
        sum = windowed_sincs(p, s, low, high, *first, last, weights);
    } else {
        const v16 lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, none = splat(0);
        const float inverse = (float)(1.0 / s), side = (float)reach;
        for (int64_t i = low; i <= high; i += LANES) {
            v16 at = (float)((double)i - p) + lanes, w;
            if (filter == BOX) w = max16(min16(at + 0.5f, splat(side)) - max16(at - 0.5f, splat(-side)), none);
            else w = pieces(filter, abs16(at) * inverse);
            w = lanes < (float)(high - i + 1) ? w : none;
            sum += total(w);
            if (i >= *first) {
                if (i <= last) store16(weights + (i - *first), w);
            } else {
                for (int64_t k = *first - i; k < LANES && i + k <= last; k++) weights[i + k - *first] = w[k];
            }
        }
    }
    int64_t count = most(0, last - *first + 1);
    float scale = sum != 0.0f ? 1.0f / sum : 0.0f;
    for (int64_t k = 0; k < count; k += LANES) store16(weights + k, load16(weights + k) * scale);
    return count;
}

/* -- one point ----------------------------------------------------------------------------------------------------- */

typedef struct {
    const level *levels;
    int count, wanted;
    float *across, *down;
} pyramid;

INLINE v4 wide_sum(const picture *from, int channels, int64_t x, int64_t nx, const float *wx, int64_t y, int64_t ny,
                   const float *wy) {
    v4 sum = (v4)0.0f;
    for (int64_t i = 0; i < ny; i++) {
        const float *row = row_in(from->pixels, from->stride, y + i) + channels * x;
        if (channels == 1) {
            float line = 0.0f;
            for (int64_t j = 0; j < nx; j++) line += row[j] * wx[j];
            sum[0] += line * wy[i];
            continue;
        }
        v16 wide = splat(0);
        int64_t j = 0;
        for (; j + 4 <= nx; j += 4) wide = fma16(load16(row + 4 * j), for_pixels(load4(wx + j)), wide);
        v8 half = wide.lo + wide.hi;
        v4 line = half.lo + half.hi;
        for (; j < nx; j++) line += load4(row + 4 * j) * wx[j];
        sum += line * wy[i];
    }
    return sum;
}

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

/* -- scale and shift: across and down apart ------------------------------------------------------------------------ */

/* One of the two sides: of each output pixel its first sample, how many there are, and their weights. */
typedef struct {
    int64_t *first, *count;
    float *weights;
    int64_t room;
} track;

static int make_track(track *to, double scale, double shift, int filter, int64_t begin, int64_t count, int64_t size) {
    double s = fabs(scale) < WIDEST ? fabs(scale) : WIDEST;
    s = s > (filter == BOX ? 1e-6 : 1.0) ? s : filter == BOX ? 1e-6 : 1.0;
    int64_t room = least(most_weights(s), size + 1 + LANES);
    *to = (track){malloc((size_t)count * sizeof(int64_t)), malloc((size_t)count * sizeof(int64_t)),
                  malloc((size_t)(count * room) * sizeof(float)), room};
    if (!to->first || !to->count || !to->weights) return 0;
    for (int64_t x = 0; x < count; x++) {
        double p = scale * (double)(begin + x) + shift;
        to->first[x] = to->count[x] = 0;
        if (p > -FAR && p < FAR && p > -REACH[filter] * s - 1 && p < (double)size + REACH[filter] * s + 1)
            to->count[x] = widened(filter, p, s, size, to->first + x, to->weights + x * room);
    }
    return 1;
}

static void free_track(track *from) {
    free(from->first);
    free(from->count);
    free(from->weights);
}

/* The same as artifex_project for a matrix that scales and shifts, and always from the first level. */
EXPORT int artifex_shrink(const float *pixels, int64_t stride, int64_t height, int64_t width, int64_t channels,
                          const double *m, int32_t filter, int64_t first, int64_t count, int64_t out_width, float *out,
                          int64_t out_stride) {
    track columns = {0}, rows = {0};
    float *line = malloc((size_t)(width * channels + LANES) * sizeof(float));
    int good = line && make_track(&columns, m[0], m[2], filter, 0, out_width, width) &&
               make_track(&rows, m[4], m[5], filter, first, count, height);
    int64_t low = width, high = 0;
    for (int64_t x = 0; good && x < out_width; x++)
        if (columns.count[x]) {
            low = least(low, columns.first[x]);
            high = most(high, columns.first[x] + columns.count[x]);
        }
    for (int64_t y = 0; good && y < count; y++) {
        float *row = row_at(out, out_stride, y);
        if (!rows.count[y] || low >= high) {
            memset(row, 0, (size_t)(out_width * channels) * sizeof(float));
            continue;
        }
        const float *wy = rows.weights + y * rows.room;
        for (int64_t x = low * channels; x < high * channels; x += LANES) {
            int64_t left = high * channels - x;
            v16 sum = splat(0);
            for (int64_t i = 0; i < rows.count[y]; i++) {
                const float *at = row_in(pixels, stride, rows.first[y] + i) + x;
                sum = fma16(load_part(at, left), splat(wy[i]), sum);
            }
            store_part(line + x, sum, left);
        }
        picture summed = {line, 0, 1, width};
        const float one = 1.0f;
        for (int64_t x = 0; x < out_width; x++) {
            const float *wx = columns.weights + x * columns.room;
            if (channels == 1)
                row[x] = wide_sum(&summed, 1, columns.first[x], columns.count[x], wx, 0, 1, &one)[0];
            else
                store4(row + 4 * x, wide_sum(&summed, 4, columns.first[x], columns.count[x], wx, 0, 1, &one));
        }
    }
    free_track(&columns);
    free_track(&rows);
    free(line);
    return good ? 0 : -1;
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
