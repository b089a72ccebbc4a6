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

/* Two columns' share of a sum: the left pixel in the low half. */
INLINE v8 columns_of(float fx) {
    const v8 left = {1, 1, 1, 1, 0, 0, 0, 0}, turn = {-1, -1, -1, -1, 1, 1, 1, 1};
    return left + turn * fx;
}

/* Both rows have a sum of their own, since each addition waits for the one before. */
typedef struct {
    v8 above, below;
} pair;

INLINE pair inside(const source *from, int64_t x, int64_t y, float fx, float fy, pair sum) {
    const float *at = row_in(from->pixels, from->stride, y) + 4 * x;
    v8 shares = columns_of(fx), lower = shares * fy;
    sum.above += load8(at) * (shares - lower);
    sum.below += load8(row_in(at, from->stride, 1)) * lower;
    return sum;
}

INLINE pair added(pair a, pair b) { return (pair){a.above + b.above, a.below + b.below}; }

INLINE int lies_inside(const radial *of, double x, double y) {
    return x >= 0.0 && y >= 0.0 && x < (double)(of->width - 1) && y < (double)(of->height - 1);
}

INLINE pair sample(const radial *of, const source *from, double px, double py, pair sum) {
    double lx = floor(px), ly = floor(py);
    float fx = (float)(px - lx), fy = (float)(py - ly);
    int64_t x = (int64_t)lx, y = (int64_t)ly;
    if (lies_inside(of, px, py)) return inside(from, x, y, fx, fy, sum);
    sum.above.lo += outside(of, from, x, y, fx, fy);
    return sum;
}

/* Places of a straight way in steps, in 2^-32 of a pixel. */
#define FIXED 4294967296.0

INLINE pair at_fixed(const source *from, int64_t x, int64_t y, pair sum) {
    float fx = (float)((x >> 8) & 0xffffff) * 0x1p-24f, fy = (float)((y >> 8) & 0xffffff) * 0x1p-24f;
    return inside(from, x >> 32, y >> 32, fx, fy, sum);
}

/* The sum of n samples: the first at (x, y) from the point, each next turned or moved on. */
INLINE pair along_ray(const radial *of, const source *from, double x, double y, int64_t n) {
    double first = 1.0 - 0.5 * of->amount + 0.5 * of->amount / (double)n, step = of->amount / (double)n;
    double px = of->x + x * first, py = of->y + y * first, dx = x * step, dy = y * step;
    pair sum = {0};
    if (lies_inside(of, px, py) && lies_inside(of, px + (double)n * dx, py + (double)n * dy)) {
        /* A straight way between two points inside stays there. */
        int64_t fixed_x = (int64_t)(px * FIXED), fixed_y = (int64_t)(py * FIXED);
        int64_t step_x = (int64_t)(dx * FIXED), step_y = (int64_t)(dy * FIXED);
        pair other = {0};
        for (int64_t i = 0; i < n; i += 2) {
            sum = at_fixed(from, fixed_x, fixed_y, sum);
            if (i + 1 < n) other = at_fixed(from, fixed_x + step_x, fixed_y + step_y, other);
            fixed_x += 2 * step_x;
            fixed_y += 2 * step_y;
        }
        return added(sum, other);
    }
    for (int64_t i = 0; i < n; i++) sum = sample(of, from, px + (double)i * dx, py + (double)i * dy, sum);
    return sum;
}

INLINE pair at_double(const source *from, double x, double y, pair sum) {
    int64_t left = (int64_t)x, above = (int64_t)y;
    return inside(from, left, above, (float)(x - (double)left), (float)(y - (double)above), sum);
}

/* How an arc of so many samples begins, and goes on: cosines and sines. */
typedef struct {
    double c, s, dc, ds;
} turns;

static turns turns_of(const radial *of, int64_t n) {
    double step = of->amount / (double)n, turn = 0.5 * (step - of->amount);
    return (turns){cos(turn), sin(turn), cos(step), sin(step)};
}

INLINE pair along_arc(const radial *of, const source *from, double x, double y, double radius, turns by, int64_t n) {
    double dc = by.dc, ds = by.ds, px = by.c * x - by.s * y, py = by.s * x + by.c * y;
    pair sum = {0};
    /* No point of an arc lies farther from its middle than along it. */
    double far = 0.5 * radius * of->amount, at_x = of->x + x, at_y = of->y + y;
    int whole = lies_inside(of, at_x - far, at_y - far) && lies_inside(of, at_x + far, at_y + far);
    if (!whole) {
        for (int64_t i = 0; i < n; i++) {
            sum = sample(of, from, of->x + px, of->y + py, sum);
            double next = dc * px - ds * py;
            py = ds * px + dc * py;
            px = next;
        }
        return sum;
    }
    /* Two ways at once, each over every other sample. */
    double qx = dc * px - ds * py, qy = ds * px + dc * py, dc2 = dc * dc - ds * ds, ds2 = 2.0 * dc * ds;
    pair other = {0};
    for (int64_t i = 0; i < n; i += 2) {
        sum = at_double(from, of->x + px, of->y + py, sum);
        if (i + 1 < n) other = at_double(from, of->x + qx, of->y + qy, other);
        double next = dc2 * px - ds2 * py;
        py = ds2 * px + dc2 * py;
        px = next;
        next = dc2 * qx - ds2 * qy;
        qy = ds2 * qx + dc2 * qy;
        qx = next;
    }
    return added(sum, other);
}

enum { KEPT = 1024 };

/* Rows first .. first + count - 1 of a result of `width` pixels of RGBA. */
EXPORT void artifex_radial(const float *pixels, int64_t stride, const radial *of, int64_t width, int64_t first,
                           int64_t count, float *out, int64_t out_stride) {
    source from = {pixels, stride};
    turns kept[KEPT];
    int64_t known = 0; /* `kept` has those of 1 .. known samples */
    for (int64_t row = first; row < first + count; row++) {
        float *to = row_at(out, out_stride, row);
        double y = of->origin_y + (double)row - of->y;
        for (int64_t column = 0; column < width; column++) {
            double x = of->origin_x + (double)column - of->x;
            double radius = sqrt(x * x + y * y);
            int64_t n = least(of->most_samples, 1 + (int64_t)ceil(radius * of->amount));
            pair sums;
            if (of->spin) {
                for (; known < least(n, KEPT); known++) kept[known] = turns_of(of, known + 1);
                sums = along_arc(of, &from, x, y, radius, n <= KEPT ? kept[n - 1] : turns_of(of, n), n);
            } else {
                sums = along_ray(of, &from, x, y, n);
            }
            v8 sum = sums.above + sums.below;
            store4(to + 4 * column, (sum.lo + sum.hi) * (1.0f / (float)n));
        }
    }
}
