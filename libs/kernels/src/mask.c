/* Masks of one channel: gradients between stops, and keys by range; the formulas are those of libs.kernels.masking. */
#include "transfer.h"

/* Filled by libs/kernels/masking.py. A point's place along the gradient is an affine map of its pixel's centre, of a
 * radial one the length of two. */
typedef struct {
    double across[3], down[3]; /* place = m[0] x + m[1] y + m[2] */
    int32_t radial, smooth;
    int64_t steps;             /* between two stops each */
    const float *middles;      /* [steps], of the place */
    const float *lengths;      /* [steps], above 0 or 0 */
    const float *rises;        /* [steps], of the value */
    float first;               /* the first stop's value */
} gradient;

/* How much the place changes over a pixel, at least: steps are never steeper, so that they have no stairs. */
static const float LEAST_PIXEL = 1e-12f;

INLINE v16 gradient_at(const gradient *by, v16 place, v16 pixel) {
    v16 value = splat(by->first);
    for (int64_t s = 0; s < by->steps; s++) {
        v16 length = max16(pixel, splat(by->lengths[s]));
        v16 u = clipped((place - by->middles[s]) / length + 0.5f, 0.0f, 1.0f);
        if (by->smooth) u = u * u * (3.0f - 2.0f * u);
        value = fma16(u, splat(by->rises[s]), value);
    }
    return value;
}

EXPORT void artifex_gradient(const gradient *by, int64_t x, int64_t y, int64_t width, int64_t height, float *out,
                             int64_t stride) {
    v16 lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const double *a = by->across, *d = by->down;
    float a0 = (float)a[0], d0 = (float)d[0], a1 = (float)a[1], d1 = (float)d[1];
    v16 flat = splat((float)__builtin_sqrt(a[0] * a[0] + a[1] * a[1]));
    for (int64_t row = 0; row < height; row++) {
        double middle = (double)(y + row) + 0.5;
        float *to = row_at(out, stride, row);
        /* Sixteen pixels at whole multiples of sixteen in the document, so that parts are as in the whole. */
        int64_t before = ((x % LANES) + LANES) % LANES;
        for (int64_t i = -before; i < width; i += LANES) {
            double column = (double)(x + i) + 0.5;
            v16 place = splat((float)(a[0] * column + a[1] * middle + a[2])) + lanes * a0, pixel = flat;
            if (by->radial) {
                v16 other = splat((float)(d[0] * column + d[1] * middle + d[2])) + lanes * d0;
                v16 length = __builtin_elementwise_sqrt(place * place + other * other);
                v16 gx = place * a0 + other * d0, gy = place * a1 + other * d1;
                v16 slope = __builtin_elementwise_sqrt(gx * gx + gy * gy);
                pixel = length > 0.0f ? slope / length : flat;
                place = length;
            }
            v16 value = gradient_at(by, place, max16(pixel, splat(LEAST_PIXEL)));
            int64_t first = most(i, 0), last = least(i + LANES, width);
            if (last - first == LANES) {
                store16(to + i, value);
            } else {
                float part[LANES];
                store16(part, value);
                memcpy(to + first, part + (first - i), (size_t)(last - first) * sizeof(float));
            }
        }
    }
}

/* Filled by libs/kernels/masking.py. */
typedef struct {
    float weights[3];
    int32_t stops; /* whether values are log2(v / grey) */
    float grey;    /* log2 of middle grey */
    float low, low_per, high, high_per; /* where the slopes reach 1, and 1 over their lengths */
} range;

/* Of sixteen values as stops above grey; what is not above 0 is as dark as can be, a NaN stays one. */
INLINE v16 stops_of(v16 value, float grey) {
    v16 e, log = log2_of_mantissa(max16(value, splat(1.17549435e-38f)), &e);
    v16 stops = e + (log - grey);
    return value == value ? stops : value;
}

EXPORT void artifex_range(const float *pixels, int64_t stride, const range *by, float *out, int64_t out_stride,
                          int64_t height, int64_t width) {
    const float *w = by->weights;
    for (int64_t y = 0; y < height; y++) {
        const float *from = row_in(pixels, stride, y);
        float *to = row_at(out, out_stride, y);
        for (int64_t x = 0; x < width; x += LANES) {
            int64_t count = least(LANES, width - x);
            planar p = load_planar_part(from + 4 * x, count);
            v16 value = p.r * w[0] + p.g * w[1] + p.b * w[2];
            if (by->stops) value = stops_of(value, by->grey);
            v16 up = (value - by->low) * by->low_per + 1.0f, down = (by->high - value) * by->high_per + 1.0f;
            v16 result = clipped(up, 0.0f, 1.0f) * clipped(down, 0.0f, 1.0f);
            store_part(to + x, value == value ? result : value, count);
        }
    }
}
