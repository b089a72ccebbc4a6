/* How bright a picture is (CTA-861.3): of each pixel the largest of R, G and B. */
#include "vector.h"

INLINE v16 linear(const float *by, v16 r, v16 g, v16 b) {
    return fma16(b, splat(by[2]), fma16(g, splat(by[1]), r * by[0]));
}

/* `by` is a 3x3 matrix to light. Of the largest of the three, within 0..peak, the largest and the sum over all pixels.
 * What is not a number is dark. */
EXPORT void artifex_light_level(const float *pixels, int64_t stride, const float *by, float peak, int64_t height,
                                int64_t width, double *brightest, double *sum) {
    v16 highest = splat(0.0f);
    double total = 0.0;
    for (int64_t y = 0; y < height; y++) {
        const float *row = row_in(pixels, stride, y);
        v16 line = splat(0.0f);
        for (int64_t x = 0; x < width; x += LANES) {
            planar p = load_planar_part(row + 4 * x, width - x);
            v16 light = max16(linear(by, p.r, p.g, p.b), splat(0.0f));
            light = max16(linear(by + 3, p.r, p.g, p.b), light);
            light = min16(max16(linear(by + 6, p.r, p.g, p.b), light), splat(peak));
            highest = max16(highest, light);
            line += light;
        }
        for (int lane = 0; lane < LANES; lane++) total += line[lane];
    }
    float top = 0.0f;
    for (int lane = 0; lane < LANES; lane++) top = highest[lane] > top ? highest[lane] : top;
    *brightest = top;
    *sum = total;
}
