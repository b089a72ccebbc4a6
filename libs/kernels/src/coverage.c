/* How much of each pixel outlines cover: the signed areas that their edges leave to the right of them, summed along
 * rows. The method of LibArt's and FreeType's smooth rasterisers (D. Turner, ftgrays.c) and of font-rs (R. Levien,
 * Inside the fastest font renderer in the world, 2016): exact for straight edges, whatever their angle.
 *
 * Sums are of whole numbers, and what an edge adds to a cell depends on the edge and the cell alone. So the order of
 * edges changes nothing, a part of a picture is bit by bit a part of the whole, and what lies behind a closed outline
 * is exactly 0.
 */
#include <stdlib.h>

#include "vector.h"

enum {
    UNIT = 1 << 20, /* of a pixel's area: leaves room for outlines that wind around a point 2,047 times */
    BAND = 16,      /* rows that are summed at once, so that their sums stay in the processor's cache */
};

enum { NONZERO = 0, EVEN_ODD = 1, CENTRES = 2 };

typedef int32_t i16u __attribute__((ext_vector_type(16), aligned(4)));

INLINE int64_t floor_of(double x) {
    int64_t whole = (int64_t)x;
    return whole - ((double)whole > x);
}

INLINE int64_t ceil_of(double x) {
    int64_t whole = (int64_t)x;
    return whole + ((double)whole < x);
}

INLINE double smaller(double a, double b) { return a < b ? a : b; }
INLINE double larger(double a, double b) { return a > b ? a : b; }
INLINE int32_t size_of(int32_t a) { return a < 0 ? -a : a; }
INLINE int32_t units(double part) { return (int32_t)(part * UNIT + 0.5); }

/* Row sums: sums[i] is what begins at column x + i; those of `width` columns are wanted, and one more is written. */
typedef struct {
    int32_t *sums;
    int64_t x, width;
} target;

/* A piece of an edge within one row, from (xa, ya) down to (xb, yb). What lies left of the target counts in full. */
static void add_piece(target to, double row, double xa, double ya, double xb, double yb, int32_t sign) {
    double begin = (double)to.x, end = (double)(to.x + to.width);
    double left = smaller(xa, xb), right = larger(xa, xb);
    if (left >= end) return;
    if (right <= begin) {
        to.sums[0] += sign * (units(yb - row) - units(ya - row));
        return;
    }
    double cell = (double)floor_of(left);
    if (right <= cell + 1.0) {
        int32_t all = units(yb - row) - units(ya - row), area = units((yb - ya) * (cell + 1.0 - 0.5 * (xa + xb)));
        int32_t *at = to.sums + ((int64_t)cell - to.x);
        at[0] += sign * area;
        at[1] += sign * (all - area);
        return;
    }
    /* From left to right, cell by cell; the edge's own way, up or down, is in the sign. */
    double slope = (yb - ya) / (xb - xa), y = xa < xb ? ya : yb, last = xa < xb ? yb : ya;
    int32_t before = units(y - row);
    if (cell < begin) {
        cell = left = begin;
        y = smaller(larger(ya + (begin - xa) * slope, ya), yb);
        int32_t now = units(y - row);
        to.sums[0] += sign * size_of(now - before);
        before = now;
    }
    while (left < right && cell < end) {
        double next = smaller(cell + 1.0, right);
        double y_next = next < right ? smaller(larger(ya + (next - xa) * slope, ya), yb) : last;
        int32_t now = units(y_next - row), all = size_of(now - before);
        double high = y_next > y ? y_next - y : y - y_next;
        int32_t area = units(high * (cell + 1.0 - 0.5 * (left + next)));
        int32_t *at = to.sums + ((int64_t)cell - to.x);
        at[0] += sign * area;
        at[1] += sign * (all - area);
        left = next;
        y = y_next;
        before = now;
        cell += 1.0;
    }
}

/* Where an edge crosses the middle of a row, the winding changes for all centres of pixels from there on. */
static void add_crossing(target to, double x, int32_t sign) {
    int64_t at = most(0, ceil_of(x - 0.5) - to.x);
    if (at < to.width) to.sums[at] += sign * UNIT;
}

/* One edge, (x0, y0) to (x1, y1), in the rows from `top` on; used[i] is set of each row that it touches. */
static void add_edge(const double *edge, int rule, int64_t x, int64_t width, int64_t top, int64_t rows, int32_t *sums,
                     int64_t pitch, int8_t *used) {
    int down = edge[3] > edge[1];
    int32_t sign = down ? 1 : -1;
    double x0 = edge[down ? 0 : 2], y0 = edge[down ? 1 : 3], x1 = edge[down ? 2 : 0], y1 = edge[down ? 3 : 1];
    if (!(y1 > y0) || y1 <= (double)top || y0 >= (double)(top + rows)) return;
    if (smaller(x0, x1) >= (double)(x + width)) return;
    double slope = (x1 - x0) / (y1 - y0), low = smaller(x0, x1), high = larger(x0, x1);
    int64_t last = least(top + rows, ceil_of(smaller(y1, (double)(top + rows))));
    for (int64_t line = most(top, floor_of(larger(y0, (double)top))); line < last; line++) {
        double row = (double)line;
        target to = {sums + (line - top) * pitch, x, width};
        used[line - top] = 1;
        if (rule == CENTRES) {
            if (y0 <= row + 0.5 && row + 0.5 < y1) add_crossing(to, x0 + (row + 0.5 - y0) * slope, sign);
            continue;
        }
        double ya = larger(y0, row), yb = smaller(y1, row + 1.0);
        double xa = ya > y0 ? x0 + (ya - y0) * slope : x0, xb = yb < y1 ? x0 + (yb - y0) * slope : x1;
        xa = smaller(larger(xa, low), high);
        xb = smaller(larger(xb, low), high);
        add_piece(to, row, xa, ya, xb, yb, sign);
    }
}

/* The sums of a row as coverage. With the even-odd rule the area is folded: 0 at even windings, 1 at odd ones. */
static void finish_row(int32_t *sums, int64_t width, int rule, float *out) {
    int32_t sum = 0;
    for (int64_t i = 0; i < width; i++) sums[i] = sum += sums[i];
    for (int64_t i = 0; i < width; i += LANES) {
        i16 area = *(const i16u *)(sums + i);
        area = area < 0 ? -area : area;
        if (rule == EVEN_ODD) {
            area &= 2 * UNIT - 1;
            area = area > UNIT ? 2 * UNIT - area : area;
        }
        store_part(out + i, min16(__builtin_convertvector(area, v16) * (1.0f / UNIT), splat(1.0f)), width - i);
    }
}

/* Pixels of the columns from x and the rows from y on; `edges` is [count][4], x0, y0, x1, y1, in the same coordinates,
 * of closed outlines. Returns -1 where memory is short. */
EXPORT int artifex_coverage(const double *edges, int64_t count, int32_t rule, int64_t x, int64_t y, int64_t width,
                            int64_t height, float *out, int64_t stride) {
    int64_t pitch = width + LANES + 1;
    int32_t *sums = malloc((size_t)(pitch * BAND) * sizeof(int32_t));
    if (!sums) return -1;
    for (int64_t top = 0; top < height; top += BAND) {
        int64_t rows = least(BAND, height - top);
        int8_t used[BAND] = {0};
        memset(sums, 0, (size_t)(pitch * rows) * sizeof(int32_t));
        for (int64_t e = 0; e < count; e++)
            add_edge(edges + 4 * e, rule, x, width, y + top, rows, sums, pitch, used);
        for (int64_t r = 0; r < rows; r++) {
            float *to = row_at(out, stride, top + r);
            if (used[r]) finish_row(sums + r * pitch, width, rule, to);
            else memset(to, 0, (size_t)width * sizeof(float));
        }
    }
    free(sums);
    return 0;
}
