/* Where pixels of a result are read: through a lens, and through a mesh of curved patches. */
#include <math.h>

#include "vector.h"

/* -- lenses -------------------------------------------------------------------------------------------------------- */

/* Brown's and Conrady's model around (cx, cy), in units of f; beyond `fold`, squared, it would turn back. */
typedef struct {
    double cx, cy, f, k1, k2, k3, p1, p2, fold;
} lens;

/* The distorted point, and the derivatives of its x by x, of either by the other, and of its y by y. */
INLINE void distorted(const lens *by, double x, double y, double *to, double *slopes) {
    double xx = x * x, yy = y * y, xy = x * y, r = xx + yy;
    double c = 1.0 + r * (by->k1 + r * (by->k2 + r * by->k3)), dc = by->k1 + r * (2.0 * by->k2 + 3.0 * r * by->k3);
    to[0] = x * c + 2.0 * by->p1 * xy + by->p2 * (r + 2.0 * xx);
    to[1] = y * c + by->p1 * (r + 2.0 * yy) + 2.0 * by->p2 * xy;
    slopes[0] = c + 2.0 * xx * dc + 2.0 * by->p1 * y + 6.0 * by->p2 * x;
    slopes[1] = 2.0 * xy * dc + 2.0 * by->p1 * x + 2.0 * by->p2 * y;
    slopes[2] = c + 2.0 * yy * dc + 6.0 * by->p1 * y + 2.0 * by->p2 * x;
}

enum { TRIES = 40 };

/* The point that is distorted to (x, y), by Newton's method; 0 where there is none before the fold. */
static int straightened(const lens *by, double x, double y, double *to) {
    double u = x, v = y;
    for (int i = 0; i < TRIES; i++) {
        double r = u * u + v * v, at[2], d[3];
        if (r > by->fold) { /* back to where it is clear which way is out */
            double back = 0.98 * sqrt(by->fold / r);
            u *= back;
            v *= back;
        }
        distorted(by, u, v, at, d);
        double ex = x - at[0], ey = y - at[1], det = d[0] * d[2] - d[1] * d[1];
        if (fabs(ex) < 1e-13 * (1.0 + fabs(x)) && fabs(ey) < 1e-13 * (1.0 + fabs(y))) break;
        if (!(det > 1e-12)) return 0;
        u += (ex * d[2] - ey * d[1]) / det;
        v += (ey * d[0] - ex * d[1]) / det;
    }
    double at[2], d[3];
    distorted(by, u, v, at, d);
    to[0] = u;
    to[1] = v;
    return u * u + v * v <= by->fold && d[0] * d[2] - d[1] * d[1] > 0.0 && fabs(at[0] - x) < 1e-10 * (1.0 + fabs(x)) &&
           fabs(at[1] - y) < 1e-10 * (1.0 + fabs(y));
}

/* Places of pixels whose centres begin at (x0, y0), of rows first .. first + count - 1: those that the lens distorts
 * them to, or, `straighten`ed, those that it distorts to them. Not a number where there is none. */
EXPORT void artifex_lens(const double *facts, int32_t straighten, double x0, double y0, int64_t first, int64_t count,
                         int64_t width, double *places) {
    lens by = {facts[0], facts[1], facts[2], facts[3], facts[4], facts[5], facts[6], facts[7], facts[8]};
    for (int64_t row = first; row < first + count; row++)
        for (int64_t column = 0; column < width; column++) {
            double x = (x0 + (double)column - by.cx) / by.f, y = (y0 + (double)row - by.cy) / by.f;
            double to[2], slopes[3], *place = places + 2 * (row * width + column);
            int seen = 1;
            if (straighten) seen = straightened(&by, x, y, to);
            else if (x * x + y * y <= by.fold) distorted(&by, x, y, to, slopes);
            else seen = 0;
            place[0] = seen ? by.cx + by.f * to[0] : NAN;
            place[1] = seen ? by.cy + by.f * to[1] : NAN;
        }
}

/* -- meshes -------------------------------------------------------------------------------------------------------- */

/* The place of (s, t) on a patch, and its derivatives by s and by t. `c`: [power of t][power of s][x, y]. */
INLINE void on_patch(const double *c, double s, double t, double *at, double *by_s, double *by_t) {
    for (int axis = 0; axis < 2; axis++) {
        double p = 0, ps = 0, pt = 0;
        for (int j = 3; j >= 0; j--) {
            const double *k = c + 8 * j + axis;
            double line = ((k[6] * s + k[4]) * s + k[2]) * s + k[0], slope = (3.0 * k[6] * s + 2.0 * k[4]) * s + k[2];
            pt = pt * t + p;
            p = p * t + line;
            ps = ps * t + slope;
        }
        at[axis] = p;
        by_s[axis] = ps;
        by_t[axis] = pt;
    }
}

/* What the pieces of one patch share. */
typedef struct {
    const double *patch;
    double u, v, du, dv;             /* the place that (0, 0) of it shows, and how far it is to (1, 1) */
    double x0, y0;
    int64_t first, count, width;
    double *places;
    double reach;                    /* how far (s, t) may lie from where a piece says that it lies */
} sheet;

static void put(const sheet *to, int64_t column, int64_t row, double s, double t) {
    double x = to->x0 + (double)column, y = to->y0 + (double)row, a = s, b = t;
    int exact = 0;
    for (int i = 0; i < 12; i++) {
        double at[2], by_s[2], by_t[2];
        on_patch(to->patch, a, b, at, by_s, by_t);
        double ex = x - at[0], ey = y - at[1], det = by_s[0] * by_t[1] - by_s[1] * by_t[0];
        if (fabs(ex) < 1e-10 && fabs(ey) < 1e-10) {
            exact = 1;
            break;
        }
        if (fabs(det) < 1e-12) break;
        a += (ex * by_t[1] - ey * by_t[0]) / det;
        b += (ey * by_s[0] - ex * by_s[1]) / det;
        if (!(fabs(a - s) <= to->reach && fabs(b - t) <= to->reach)) break;
    }
    /* Where the patch folds, the piece's own plane will do. */
    double *place = to->places + 2 * (row * to->width + column);
    place[0] = to->u + (exact ? a : s) * to->du;
    place[1] = to->v + (exact ? b : t) * to->dv;
}

/* A triangle of (x, y, s, t) each. */
static void triangle(const sheet *to, const double *a, const double *b, const double *c) {
    double area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    if (!(fabs(area) > 1e-12)) return;
    double left = fmin(a[0], fmin(b[0], c[0])) - to->x0, right = fmax(a[0], fmax(b[0], c[0])) - to->x0;
    double top = fmin(a[1], fmin(b[1], c[1])) - to->y0, bottom = fmax(a[1], fmax(b[1], c[1])) - to->y0;
    double last_row = (double)(to->first + to->count - 1), last_column = (double)(to->width - 1);
    if (!(right >= 0 && left <= last_column && bottom >= (double)to->first && top <= last_row)) return;
    int64_t x0 = (int64_t)ceil(fmax(left, 0.0) - 1e-9), x1 = (int64_t)floor(fmin(right, last_column) + 1e-9);
    int64_t y0 = (int64_t)ceil(fmax(top, (double)to->first) - 1e-9), y1 = (int64_t)floor(fmin(bottom, last_row) + 1e-9);
    for (int64_t row = y0; row <= y1; row++)
        for (int64_t column = x0; column <= x1; column++) {
            double x = to->x0 + (double)column - a[0], y = to->y0 + (double)row - a[1];
            double q = (x * (c[1] - a[1]) - y * (c[0] - a[0])) / area, r = (y * (b[0] - a[0]) - x * (b[1] - a[1])) / area;
            /* On a border it belongs to both, which say the same of it. */
            if (q < -1e-9 || r < -1e-9 || q + r > 1.0 + 1e-9) continue;
            put(to, column, row, a[2] + q * (b[2] - a[2]) + r * (c[2] - a[2]), a[3] + q * (b[3] - a[3]) + r * (c[3] - a[3]));
        }
}

static void piece(const sheet *to, double s0, double t0, double s1, double t1) {
    double corners[4][4] = {{0, 0, s0, t0}, {0, 0, s1, t0}, {0, 0, s1, t1}, {0, 0, s0, t1}}, by_s[2], by_t[2];
    for (int i = 0; i < 4; i++) on_patch(to->patch, corners[i][2], corners[i][3], corners[i], by_s, by_t);
    triangle(to, corners[0], corners[1], corners[2]);
    triangle(to, corners[0], corners[2], corners[3]);
}

/* Whether no point of the patch lies near a pixel, for s and t of -furthest .. furthest. */
static int misses(const sheet *to, double furthest) {
    for (int axis = 0; axis < 2; axis++) {
        double reach = 1.0, power[4] = {1.0};
        for (int k = 1; k < 4; k++) power[k] = power[k - 1] * furthest;
        for (int k = 1; k < 16; k++) reach += fabs(to->patch[2 * k + axis]) * power[k / 4] * power[k % 4];
        double place = to->patch[axis] - (axis ? to->y0 : to->x0);
        double low = axis ? (double)to->first : 0.0, high = (double)(axis ? to->first + to->count : to->width);
        if (place + reach < low || place - reach > high) return 1;
    }
    return 0;
}

/* Places of pixels whose centres begin at (x0, y0), of rows first .. first + count - 1: what the mesh shows there, of
 * two patches the later. `patches`: [rows][columns], each as above, in `steps` (across and down) of pieces. `source`:
 * the place that the first patch's (0, 0) shows, and how far one patch goes, across and down. Beyond the mesh's outer
 * border patches go on for `beyond` of themselves, below all others. Pixels that are not covered stay as they are. */
EXPORT void artifex_mesh(const double *patches, const int32_t *steps, int64_t rows, int64_t columns,
                         const double *source, double beyond, double x0, double y0, int64_t first, int64_t count,
                         int64_t width, double *places) {
    for (int inner = 0; inner < 2; inner++)
        for (int64_t j = 0; j < rows; j++)
            for (int64_t i = 0; i < columns; i++) {
                int64_t number = j * columns + i;
                int across = steps[2 * number], down = steps[2 * number + 1];
                sheet to = {patches + 32 * number, source[0] + (double)i * source[2], source[1] + (double)j * source[3],
                            source[2], source[3], x0, y0, first, count, width, places,
                            2.0 / (across < down ? across : down)};
                if (misses(&to, 1.0 + beyond + 1.0 / (across < down ? across : down))) continue;
                int more_s = (int)ceil(beyond * across), more_t = (int)ceil(beyond * down);
                int low_s = i ? 0 : -more_s, high_s = i == columns - 1 ? across + more_s : across;
                int low_t = j ? 0 : -more_t, high_t = j == rows - 1 ? down + more_t : down;
                for (int b = low_t; b < high_t; b++)
                    for (int a = low_s; a < high_s; a++)
                        if ((a >= 0 && a < across && b >= 0 && b < down) == inner)
                            piece(&to, (double)a / across, (double)b / down, (double)(a + 1) / across,
                                  (double)(b + 1) / down);
            }
}
