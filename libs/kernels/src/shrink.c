/* Scaling and shifting a picture, averaged where it shrinks: across and down apart, as in resample.c, with filters as
 * wide as the step.
 */
#include <stdlib.h>

#include "widened.h"

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
