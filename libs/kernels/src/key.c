/* The colour-difference key; the formula is that of libs.kernels.keying.chroma_key. */
#include "vector.h"

/* Filled by libs/kernels/native.py. */
typedef struct {
    float screen[3];
    int32_t key;     /* the screen's largest channel */
    float gain, black, white, softness, despill;
    int32_t average;
} key;

INLINE v16 limit(v16 p, v16 q, int average) { return average ? (p + q) * 0.5f : max16(p, q); }
INLINE v16 clip(v16 x) { return min16(max16(x, splat(0.0f)), splat(1.0f)); }

/* Channels in the order: the key's, and the two others. */
INLINE void key_pixels(const key *by, v16 *k, v16 *p, v16 *q, v16 *alpha, const float *screen, int average,
                       const float *core, const float *garbage, int64_t count) {
    float excess = screen[0] - (screen[1] > screen[2] ? screen[1] : screen[2]);
    v16 a = *alpha, spread = a * excess;
    v16 raw = clip(1.0f - (*k - max16(*p, *q)) * by->gain / (spread > 0.0f ? spread : splat(1.0f)));
    raw = spread > 0.0f ? raw : splat(1.0f);
    v16 step = clip((raw - by->black) * (1.0f / (by->white - by->black)));
    v16 matte = fma16(splat(by->softness), step * step * (3.0f - 2.0f * step) - step, step);
    v16 seen = raw > 0.0f ? matte / raw : splat(0.0f), through = (1.0f - raw) * a;

    v16 whole[3] = {*k, *p, *q}, front[3];
    for (int c = 0; c < 3; c++) {
        float light = screen[c] > 0.0f ? screen[c] : 0.0f;
        front[c] = (whole[c] - min16(through * light, max16(whole[c], splat(0.0f)))) * seen;
    }
    front[0] -= by->despill * max16(front[0] - limit(front[1], front[2], average), splat(0.0f));
    v16 covered = a * matte;
    if (core) {
        v16 kept = load_part(core, count);
        whole[0] -= by->despill * max16(whole[0] - limit(whole[1], whole[2], average), splat(0.0f));
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

INLINE void key_row(const key *by, const float *from, const float *core, const float *garbage, float *to, int64_t width,
                    int which, int average) {
    const float *s = by->screen;
    float screen[3] = {s[which], which == 0 ? s[1] : s[0], which == 2 ? s[1] : s[2]};
    for (int64_t x = 0; x < width; x += LANES) {
        int64_t count = width - x;
        planar p = load_planar_part(from + 4 * x, count);
        v16 *k = which == 0 ? &p.r : which == 1 ? &p.g : &p.b;
        v16 *first = which == 0 ? &p.g : &p.r, *second = which == 2 ? &p.g : &p.b;
        key_pixels(by, k, first, second, &p.a, screen, average, core ? core + x : 0, garbage ? garbage + x : 0, count);
        store_planar_part(to + 4 * x, p, count);
    }
}

EXPORT void artifex_chroma_key(const float *pixels, int64_t stride, const key *by, const float *core,
                               int64_t core_stride, const float *garbage, int64_t garbage_stride, float *out,
                               int64_t out_stride, int64_t height, int64_t width) {
    for (int64_t y = 0; y < height; y++) {
        const float *from = row_in(pixels, stride, y);
        const float *kept = core ? row_in(core, core_stride, y) : 0;
        const float *left_out = garbage ? row_in(garbage, garbage_stride, y) : 0;
        float *to = row_at(out, out_stride, y);
        int average = by->average != 0;
        switch (by->key) {
        case 0: key_row(by, from, kept, left_out, to, width, 0, average); break;
        case 1: key_row(by, from, kept, left_out, to, width, 1, average); break;
        default: key_row(by, from, kept, left_out, to, width, 2, average);
        }
    }
}
