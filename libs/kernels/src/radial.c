/* Means along rays through a point, and along arcs around it: samples about a pixel apart, each read bilinearly. */
#include <math.h>

#include "vector.h"

/* Filled by libs/kernels/radial.py. Coordinates are in pixels of the source, whose first pixel's centre is at 0. */
typedef struct {
    int64_t height, width;
    double x, y;            /* the point */
    double amount;          /* zoom: of the distance to the point; spin: radians */
    double origin_x, origin_y; /* the centre of the result's first pixel */
    int32_t spin;
    int32_t repeat;         /* beyond the source: its edge, else transparent black */
    int64_t most_samples;
} radial;

typedef struct {
    const float *pixels;
    int64_t stride;
} source;

static v4 outside(const radial *of, const source *from, int64_t x, int64_t y, float fx, float fy) {
    v4 sum = (v4)0.0f;
    for (int64_t j = 0; j < 2; j++) {
        for (int64_t i = 0; i < 2; i++) {
            int64_t column = x + i, row = y + j;
            if (of->repeat) {
                column = most(0, least(of->width - 1, column));
                row = most(0, least(of->height - 1, row));
            } else if (column < 0 || row < 0 || column >= of->width || row >= of->height) {
                continue;
            }
            float weight = (i ? fx : 1.0f - fx) * (j ? fy : 1.0f - fy);
            sum += load4(row_in(from->pixels, from->stride, row) + 4 * column) * weight;
        }
    }
    return sum;
}

INLINE v4 sample(const radial *of, const source *from, double px, double py) {
    double lx = floor(px), ly = floor(py);
    float fx = (float)(px - lx), fy = (float)(py - ly);
    int64_t x = (int64_t)lx, y = (int64_t)ly;
    if (x < 0 || y < 0 || x + 1 >= of->width || y + 1 >= of->height) return outside(of, from, x, y, fx, fy);
    const float *above = row_in(from->pixels, from->stride, y) + 4 * x;
    v8 pair = load8(above), below = load8(row_in(above, from->stride, 1));
    pair += (below - pair) * fy;
    return pair.lo + (pair.hi - pair.lo) * fx;
}

/* The mean of n samples: the first at (x, y) from the point, each next turned or moved on. */
INLINE v4 along_ray(const radial *of, const source *from, double x, double y, int64_t n) {
    double first = 1.0 - 0.5 * of->amount + 0.5 * of->amount / (double)n, step = of->amount / (double)n;
    double px = of->x + x * first, py = of->y + y * first, dx = x * step, dy = y * step;
    v4 sum = (v4)0.0f;
    for (int64_t i = 0; i < n; i++) sum += sample(of, from, px + (double)i * dx, py + (double)i * dy);
    return sum;
}

INLINE v4 along_arc(const radial *of, const source *from, double x, double y, int64_t n) {
    double step = of->amount / (double)n, turn = 0.5 * (step - of->amount);
    double c = cos(turn), s = sin(turn), dc = cos(step), ds = sin(step);
    double px = c * x - s * y, py = s * x + c * y;
    v4 sum = (v4)0.0f;
    for (int64_t i = 0; i < n; i++) {
        sum += sample(of, from, of->x + px, of->y + py);
        double next = dc * px - ds * py;
        py = ds * px + dc * py;
        px = next;
    }
    return sum;
}

/* Rows first .. first + count - 1 of a result of `width` pixels of RGBA. */
EXPORT void artifex_radial(const float *pixels, int64_t stride, const radial *of, int64_t width, int64_t first,
                           int64_t count, float *out, int64_t out_stride) {
    source from = {pixels, stride};
    for (int64_t row = first; row < first + count; row++) {
        float *to = row_at(out, out_stride, row);
        double y = of->origin_y + (double)row - of->y;
        for (int64_t column = 0; column < width; column++) {
            double x = of->origin_x + (double)column - of->x;
            double length = sqrt(x * x + y * y) * of->amount;
            int64_t n = least(of->most_samples, 1 + (int64_t)ceil(length));
            v4 sum = of->spin ? along_arc(of, &from, x, y, n) : along_ray(of, &from, x, y, n);
            store4(to + 4 * column, sum * (1.0f / (float)n));
        }
    }
}
