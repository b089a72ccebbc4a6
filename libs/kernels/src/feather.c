/* Soft edges: how far each pixel's centre lies into the slope around edges, whose width may vary along them.
 *
 * Every point s of an edge stands for a cone of height h(s) and radius w(s); a pixel's value is the highest of all
 * cones above its centre, max h(s) (1 - |p - s| / w(s)), and 0 beyond them. With w linear along an edge, |p - s| / w(s)
 * is least where the derivative vanishes, at u = a + k b^2 / (w0 + k a), with a and b the pixel's place along the edge
 * and across it, w = w0 + k u; so each edge has its value in closed form.
 *
 * Squares of pixels are divided, and of each part only those edges are looked at that can be the highest in it. Squares
 * lie at whole multiples of their size in the document, and all numbers of the last ones are relative to them, so that
 * a part of a picture is bit by bit a part of the whole.
 */
#include <stdlib.h>

#include "vector.h"

enum { LARGEST = 256, SMALLEST = 16, LEVELS = 5 };

/* Of artifex_feather's edges. */
typedef struct {
    double x, y, along_x, along_y; /* the beginning, and the direction, of length 1 */
    double length, width, slope, height, rise; /* w = width + slope u, h = height + rise u */
} edge;

typedef struct {
    const edge *edges;
    int32_t *left[LEVELS]; /* of each size of squares, the edges that are left */
    float *bests;          /* of the square at hand, how high each edge that is left can be at most */
    int64_t x, y, width, height;
    float *out;
    int64_t stride;
} work;

INLINE double at_most(double a, double b) { return a < b ? a : b; }
INLINE double at_least(double a, double b) { return a > b ? a : b; }

/* More than what single precision changes in a value. */
static const double SLACK = 1e-4;

/* Of the edges `from`, those that can be the highest in the square at (x, y), to `to`; how many. */
static int64_t choose(const edge *edges, const int32_t *from, int64_t count, int64_t x, int64_t y, int64_t size,
                      int32_t *to, float *bests) {
    double middle_x = (double)x + 0.5 * (double)size, middle_y = (double)y + 0.5 * (double)size;
    double reach = 0.7072 * (double)size, sure = 0.0;
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++) {
        const edge *e = edges + (from ? from[i] : (int32_t)i);
        double dx = middle_x - e->x, dy = middle_y - e->y;
        double u = at_most(at_least(dx * e->along_x + dy * e->along_y, 0.0), e->length);
        double rx = dx - u * e->along_x, ry = dy - u * e->along_y;
        double distance = __builtin_sqrt(rx * rx + ry * ry), end = e->length;
        double widest = at_least(e->width, e->width + e->slope * end);
        double highest = at_least(e->height, e->height + e->rise * end);
        double best = highest * at_most(1.0, 1.0 - (distance - reach) / widest);
        if (best <= 0.0 || best < sure - SLACK) continue;
        sure = at_least(sure, (e->height + e->rise * u) * (1.0 - (distance + reach) / (e->width + e->slope * u)));
        bests[kept] = (float)best;
        to[kept++] = (int32_t)(e - edges);
    }
    int64_t last = 0;
    for (int64_t i = 0; i < kept; i++)
        if ((double)bests[i] >= sure - SLACK) to[last++] = to[i];
    return last;
}

/* Beyond the end of every edge. */
static const float FAR = 1e30f;

/* The edge's cones above sixteen pixels at (x + lane, y), relative to the beginning of the edge. What is far along the
 * edge is taken off before single precision: only how far beyond its ends and beside it a pixel lies has to be exact. */
INLINE v16 highest(const edge *e, double x, double y) {
    v16 lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    double along = x * e->along_x + y * e->along_y;
    v16 way = lanes * (float)e->along_x, a = way + (float)along, past = way + (float)(along - e->length);
    v16 b = (float)(y * e->along_x - x * e->along_y) - lanes * (float)e->along_y, shift = splat(0.0f);
    float slope = (float)e->slope, width = (float)e->width;
    if (slope != 0.0f) {
        /* Where the width would be 0 beside the pixel or before, the wider end is the nearest. */
        v16 beside = width + slope * a;
        shift = beside > 1e-6f ? slope * b * b / beside : splat(slope > 0.0f ? FAR : -FAR);
    }
    v16 u = clipped(a + shift, 0.0f, (float)e->length);
    v16 away = a + shift > 0.0f ? shift : a;
    away = past + shift < 0.0f ? away : past;
    v16 distance = __builtin_elementwise_sqrt(b * b + away * away);
    return ((float)e->height + (float)e->rise * u) * (1.0f - distance / (width + slope * u));
}

/* The smallest squares. */
static void fill(const work *w, const int32_t *left, int64_t count, int64_t x, int64_t y) {
    int64_t top = most(y, w->y), bottom = least(y + SMALLEST, w->y + w->height);
    int64_t begin = most(x, w->x), end = least(x + SMALLEST, w->x + w->width);
    for (int64_t row = top; row < bottom; row++) {
        v16 value = splat(0.0f);
        for (int64_t i = 0; i < count; i++) {
            const edge *e = w->edges + left[i];
            value = max16(highest(e, (double)x + 0.5 - e->x, (double)row + 0.5 - e->y), value);
        }
        float *to = row_at(w->out, w->stride, row - w->y) + (begin - w->x);
        if (end - begin == SMALLEST) {
            store16(to, value);
        } else {
            float part[SMALLEST];
            store16(part, value);
            memcpy(to, part + (begin - x), (size_t)(end - begin) * sizeof(float));
        }
    }
}

static void clear(const work *w, int64_t x, int64_t y, int64_t size) {
    int64_t top = most(y, w->y), bottom = least(y + size, w->y + w->height);
    int64_t begin = most(x, w->x), end = least(x + size, w->x + w->width);
    for (int64_t row = top; row < bottom; row++)
        memset(row_at(w->out, w->stride, row - w->y) + (begin - w->x), 0, (size_t)(end - begin) * sizeof(float));
}

/* The square at (x, y), of which `from` is what the one around it has left. */
static void divide(const work *w, const int32_t *from, int64_t count, int64_t x, int64_t y, int64_t size, int level) {
    if (x >= w->x + w->width || y >= w->y + w->height || x + size <= w->x || y + size <= w->y) return;
    int32_t *left = w->left[level];
    count = choose(w->edges, from, count, x, y, size, left, w->bests);
    if (!count) {
        clear(w, x, y, size);
    } else if (size == SMALLEST) {
        fill(w, left, count, x, y);
    } else {
        int64_t half = size / 2;
        for (int part = 0; part < 4; part++)
            divide(w, left, count, x + (part & 1) * half, y + (part >> 1) * half, half, level + 1);
    }
}

/* The multiple of LARGEST at or before. */
INLINE int64_t begin_of(int64_t at) { return at - (((at % LARGEST) + LARGEST) % LARGEST); }

/* Pixels of the columns from x and the rows from y on; `edges` is [count][8], x0, y0, x1, y1, and the widths, above 0,
 * and heights at both ends. Returns -1 where memory is short. */
EXPORT int artifex_feather(const double *edges, int64_t count, int64_t x, int64_t y, int64_t width, int64_t height,
                           float *out, int64_t stride) {
    edge *all = malloc((size_t)most(count, 1) * sizeof(edge));
    int32_t *left = malloc((size_t)most(count, 1) * LEVELS * sizeof(int32_t));
    float *bests = malloc((size_t)most(count, 1) * sizeof(float));
    if (!all || !left || !bests) {
        free(all);
        free(left);
        free(bests);
        return -1;
    }
    for (int64_t i = 0; i < count; i++) {
        const double *e = edges + 8 * i;
        double dx = e[2] - e[0], dy = e[3] - e[1], length = __builtin_sqrt(dx * dx + dy * dy);
        /* A point has any direction, and no length. */
        int point = !(length > 1e-9);
        double per = point ? 0.0 : 1.0 / length, along = point ? 1.0 : dx * per;
        all[i] = (edge){e[0], e[1], along, dy * per, point ? 0.0 : length, e[4], (e[5] - e[4]) * per, e[6], (e[7] - e[6]) * per};
    }
    work w = {all, {0}, bests, x, y, width, height, out, stride};
    for (int level = 0; level < LEVELS; level++) w.left[level] = left + level * most(count, 1);
    for (int64_t top = begin_of(y); top < y + height; top += LARGEST)
        for (int64_t begin = begin_of(x); begin < x + width; begin += LARGEST)
            divide(&w, 0, count, begin, top, LARGEST, 0);
    free(all);
    free(left);
    free(bests);
    return 0;
}
