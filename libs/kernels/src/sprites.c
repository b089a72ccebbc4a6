/* Many small pictures drawn into one: soft discs, or one picture turned and scaled. */
#include <math.h>

#include "vector.h"

/* `SPRITE` of libs/kernels/sprites.py. */
typedef struct {
    double x, y;      /* the middle, in the document */
    float inner, outer; /* a disc: full up to here, nothing from there on; a picture: `outer` is all that it reaches */
    float colour[4];  /* premultiplied */
    float cosine, sine; /* how a picture is turned */
    float across, down; /* its level's pixels for one of the document */
    int32_t level;    /* which of the pictures, each half the size of the one before */
    int32_t unused;
} sprite;

typedef struct {
    const float *pixels;
    int64_t stride, height, width;
} level;

/* How far the centre of pixel `column + k` lies from the middle: the same whatever part of the picture is drawn. */
INLINE v4 distances(int64_t column, double middle) {
    v4 result;
    for (int k = 0; k < 4; k++) result[k] = (float)((double)(column + k) + 0.5 - middle);
    return result;
}

INLINE v4 disc_at(const sprite *s, v4 dx, float dy) {
    v4 d = __builtin_elementwise_sqrt(dx * dx + dy * dy);
    v4 u = (s->outer - d) * (1.0f / (s->outer - s->inner));
    u = u > 0.0f ? u : (v4)0.0f;
    u = u < 1.0f ? u : (v4)1.0f;
    return u * u * (3.0f - 2.0f * u);
}

/* Bilinear; outside lies transparent black. */
INLINE v4 picture_at(const level *from, float u, float v) {
    float lu = floorf(u), lv = floorf(v), fu = u - lu, fv = v - lv;
    if (!(lu >= -1.0f && lv >= -1.0f && lu < (float)from->width && lv < (float)from->height)) return (v4)0.0f;
    int64_t x = (int64_t)lu, y = (int64_t)lv;
    v4 sum = (v4)0.0f;
    for (int64_t j = 0; j < 2; j++) {
        if (y + j < 0 || y + j >= from->height) continue;
        const float *row = row_in(from->pixels, from->stride, y + j);
        float wy = j ? fv : 1.0f - fv;
        if (x >= 0) sum += load4(row + 4 * x) * (wy * (1.0f - fu));
        if (x + 1 < from->width) sum += load4(row + 4 * (x + 1)) * (wy * fu);
    }
    return sum;
}

INLINE v16 drawn(v16 colour, v16 below, int over) {
    return over ? fma16(below, 1.0f - alphas(colour), colour) : below + colour;
}

/* Columns begin .. end - 1 of a row whose first pixel is column 0 of the document's row. */
INLINE void draw_row(const sprite *s, const level *pictures, int over, float dy, int64_t begin, int64_t end, float *row) {
    v4 colour = load4(s->colour);
    v16 colours = __builtin_shufflevector(colour, colour, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
    for (int64_t x = begin; x < end; x += 4) {
        int64_t some = least(4, end - x);
        v4 dx = distances(x, s->x);
        v16 light;
        if (pictures) {
            const level *from = pictures + s->level;
            float middle_u = 0.5f * (float)from->width - 0.5f, middle_v = 0.5f * (float)from->height - 0.5f;
            float part[16] = {0};
            for (int64_t k = 0; k < some; k++) {
                float u = s->across * (s->cosine * dx[k] + s->sine * dy) + middle_u;
                float v = s->down * (s->cosine * dy - s->sine * dx[k]) + middle_v;
                store4(part + 4 * k, picture_at(from, u, v));
            }
            light = load16(part) * colours;
        } else {
            light = for_pixels(disc_at(s, dx, dy)) * colours;
        }
        store_part(row + 4 * x, drawn(light, load_part(row + 4 * x, 4 * some), over), 4 * some);
    }
}

/* Draws `sprites` in order into rows first .. first + count - 1 of RGBA; the first pixel of row 0 covers the document's
 * (x, y). `pictures` may be null: then they are discs. */
EXPORT void artifex_sprites(float *pixels, int64_t stride, int64_t width, int64_t x, int64_t y, int64_t first,
                            int64_t count, const sprite *sprites, int64_t number, const level *pictures, int32_t over) {
    for (int64_t i = 0; i < number; i++) {
        const sprite *s = sprites + i;
        double reach = s->outer;
        int64_t top = most(y + first, (int64_t)floor(s->y - reach));
        int64_t bottom = least(y + first + count, (int64_t)ceil(s->y + reach) + 1);
        for (int64_t row = top; row < bottom; row++) {
            float dy = (float)((double)row + 0.5 - s->y);
            double half = reach * reach - (double)dy * (double)dy;
            if (half < 0.0) continue;
            half = sqrt(half);
            int64_t begin = most(x, (int64_t)floor(s->x - half));
            int64_t end = least(x + width, (int64_t)ceil(s->x + half) + 1);
            draw_row(s, pictures, over, dy, begin, end, row_at(pixels, stride, row - y) - 4 * x);
        }
    }
}
