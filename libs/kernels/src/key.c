/* The colour-difference key; the formula is that of libs.kernels.keying.chroma_key. */
#include "vector.h"

/* Filled by libs/kernels/native.py. */
typedef struct {
    float screen[3];
    int32_t key;     /* the screen's largest channel */
    float gain, black, white, softness, despill;
    int32_t average;
    float balance[3]; /* what a channel is multiplied by before it is compared with the key channel */
} key;

INLINE v16 limit(v16 p, v16 q, int average) { return average ? (p + q) * 0.5f : max16(p, q); }
/* Light of the key channel beyond what a subject has. */
INLINE v16 spill(const v16 *colour, const float *balance, int average) {
    v16 most = limit(colour[1] * balance[0], colour[2] * balance[1], average);
    return max16(colour[0] - most, splat(0.0f));
}
INLINE v16 clip(v16 x) { return min16(max16(x, splat(0.0f)), splat(1.0f)); }

/* Channels in the order: the key's, and the two others. */
INLINE void key_pixels(const key *by, v16 *k, v16 *p, v16 *q, v16 *alpha, const v16 *screen, const float *balance,
                       int average, const float *core, const float *garbage, int64_t count) {
    v16 excess = screen[0] - max16(screen[1] * balance[0], screen[2] * balance[1]);
    v16 a = *alpha, spread = a * excess;
    v16 raw = clip(1.0f - (*k - max16(*p * balance[0], *q * balance[1])) * by->gain / (spread > 0.0f ? spread : splat(1.0f)));
    raw = spread > 0.0f ? raw : splat(1.0f);
    v16 step = clip((raw - by->black) * (1.0f / (by->white - by->black)));
    v16 matte = fma16(splat(by->softness), step * step * (3.0f - 2.0f * step) - step, step);
    v16 seen = raw > 0.0f ? matte / raw : splat(0.0f), through = (1.0f - raw) * a;

    v16 whole[3] = {*k, *p, *q}, front[3];
    for (int c = 0; c < 3; c++) {
        v16 light = screen[c] > 0.0f ? screen[c] : splat(0.0f);
        front[c] = (whole[c] - min16(through * light, max16(whole[c], splat(0.0f)))) * seen;
    }
    front[0] -= by->despill * spill(front, balance, average);
    v16 covered = a * matte;
    if (core) {
        v16 kept = load_part(core, count);
        whole[0] -= by->despill * spill(whole, balance, average);
        for (int c = 0; c < 3; c++) front[c] = fma16(kept, whole[c] - front[c], front[c]);
        covered = fma16(kept, a - covered, covered);
    }
    if (garbage) {
        v16 keep = 1.0f - load_part(garbage, count);
        for (int c = 0; c < 3; c++) front[c] *= keep;
        covered *= keep;
    }
    *k = front[0];
    *p = front[1];
    *q = front[2];
    *alpha = covered;
}

INLINE void key_row(const key *by, const float *from, const float *core, const float *garbage, const float *plate,
                    float *to, int64_t width, int which, int average) {
    const int first = which == 0 ? 1 : 0, second = which == 2 ? 1 : 2;
    float balance[2] = {by->balance[first], by->balance[second]};
    v16 screen[3] = {splat(by->screen[which]), splat(by->screen[first]), splat(by->screen[second])};
    for (int64_t x = 0; x < width; x += LANES) {
        int64_t count = width - x;
        planar p = load_planar_part(from + 4 * x, count);
        if (plate) {
            planar s = load_planar_part(plate + 4 * x, count);
            screen[0] = which == 0 ? s.r : which == 1 ? s.g : s.b;
            screen[1] = which == 0 ? s.g : s.r;
            screen[2] = which == 2 ? s.g : s.b;
        }
        v16 *k = which == 0 ? &p.r : which == 1 ? &p.g : &p.b;
        v16 *one = which == 0 ? &p.g : &p.r, *other = which == 2 ? &p.g : &p.b;
        key_pixels(by, k, one, other, &p.a, screen, balance, average, core ? core + x : 0, garbage ? garbage + x : 0,
                   count);
        store_planar_part(to + 4 * x, p, count);
    }
}

/* `core`, `garbage` and `plate`, the colour of the screen in each pixel, may be null. */
EXPORT void artifex_chroma_key(const float *pixels, int64_t stride, const key *by, const float *core,
                               int64_t core_stride, const float *garbage, int64_t garbage_stride, const float *plate,
                               int64_t plate_stride, float *out, int64_t out_stride, int64_t height, int64_t width) {
    for (int64_t y = 0; y < height; y++) {
        const float *from = row_in(pixels, stride, y);
        const float *kept = core ? row_in(core, core_stride, y) : 0;
        const float *left_out = garbage ? row_in(garbage, garbage_stride, y) : 0;
        const float *empty = plate ? row_in(plate, plate_stride, y) : 0;
        float *to = row_at(out, out_stride, y);
        int average = by->average != 0;
        switch (by->key) {
        case 0: key_row(by, from, kept, left_out, empty, to, width, 0, average); break;
        case 1: key_row(by, from, kept, left_out, empty, to, width, 1, average); break;
        default: key_row(by, from, kept, left_out, empty, to, width, 2, average);
        }
    }
}
