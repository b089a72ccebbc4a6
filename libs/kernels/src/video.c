/* Video's codes to scene-linear light, and back. One pass over rows; what is between stays in the first-level cache. */
#include <stdlib.h>

#include "transfer.h"

/* Filled by libs/kernels/native.py; see libs.kernels.formats.PixelFormat. */
typedef struct {
    void *planes[4];
    int64_t strides[4];
    int64_t height, width;
    int32_t wide;         /* codes of 16 bits, else of 8 */
    int32_t shift;        /* by how many bits codes stand higher in their words */
    int32_t chroma_x;     /* 1 where chroma is halved across */
    int32_t chroma_y;     /* 1 where it is halved down */
    int32_t interleaved;  /* Cb and Cr share planes[1] */
    int32_t alpha;        /* index of the plane of alpha, or -1 */
    float peak;           /* the largest code */
    float across[5];      /* to read: the weights of (k - 1, k) for even columns and (k, k + 1) for odd ones; to write:
                             of the columns 2k - 2 .. 2k + 2 for chroma column k */
    int32_t odd_end;      /* to write: the last chroma column lies between a column and nothing */
} video;

/* For each row of the picture (to read) or of chroma (to write): the rows that it is made of, and their weights. */
typedef struct {
    int64_t rows[5];
    float weights[5];
    int32_t count;
} taps;

typedef struct {
    float codes[12]; /* 3 x 4, affine: codes to R'G'B', or back */
    float light[9];  /* 3 x 3: light to the working space, or back */
} matrices;

typedef uint8_t b16 __attribute__((ext_vector_type(16), aligned(1)));
typedef uint16_t h16 __attribute__((ext_vector_type(16), aligned(2)));
typedef uint8_t b32 __attribute__((ext_vector_type(32), aligned(1)));
typedef uint16_t h32 __attribute__((ext_vector_type(32), aligned(2)));

/* Room to both sides of a line, for what filters read and write past its ends. */
enum { MARGIN = 64 };

INLINE int64_t line_size(int64_t width) { return (width + 2 * MARGIN + 15) & ~(int64_t)15; }

/* `count` codes from `row` on, `step` apart (1, or 2 for one of two interleaved), times `weight`, set or added. */
#define READ_CODES(name, element, vector, pair, shifted)                                                               \
    INLINE void name(const element *row, int64_t step, int64_t count, int shift, float weight, int add, float *line) { \
        int64_t x = 0;                                                                                                 \
        for (; x + LANES + (step == 2) <= count; x += LANES) {                                                         \
            vector codes;                                                                                              \
            if (step == 1) {                                                                                           \
                codes = *(const vector *)(row + x);                                                                    \
            } else {                                                                                                   \
                pair both = *(const pair *)(row + 2 * x);                                                              \
                codes = __builtin_shufflevector(both, both, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);\
            }                                                                                                          \
            v16 values = __builtin_convertvector(__builtin_convertvector(codes, i16) >> shift, v16) * weight;          \
            store16(line + x, add ? load16(line + x) + values : values);                                               \
        }                                                                                                              \
        for (; x < count; x++) {                                                                                       \
            float value = (float)(row[x * step] >> shift) * weight;                                                    \
            line[x] = add ? line[x] + value : value;                                                                   \
        }                                                                                                              \
    }
READ_CODES(read_bytes, uint8_t, b16, b32, 0)
READ_CODES(read_words, uint16_t, h16, h32, shift)

static void read_line(const video *frame, int plane, int offset, int64_t row, int64_t count, float weight, int add,
                      float *line) {
    const char *from = (const char *)frame->planes[plane] + row * frame->strides[plane];
    int64_t step = frame->interleaved && plane == 1 ? 2 : 1;
    if (frame->wide) {
        const uint16_t *codes = (const uint16_t *)from + offset;
        if (step == 1) read_words(codes, 1, count, frame->shift, weight, add, line);
        else read_words(codes, 2, count, frame->shift, weight, add, line);
    } else {
        const uint8_t *codes = (const uint8_t *)from + offset;
        if (step == 1) read_bytes(codes, 1, count, 0, weight, add, line);
        else read_bytes(codes, 2, count, 0, weight, add, line);
    }
}

/* A line of chroma at the picture's width, from one at its own, which has a margin. */
static void spread(const float *chroma, const float *weights, int64_t width, float *line) {
    for (int64_t x = 0; x < width; x += LANES) {
        const float *at = chroma + x / 2;
        v8 before = load8(at - 1), here = load8(at), after = load8(at + 1);
        v8 even = before * weights[0] + here * weights[1];
        v8 odd = here * weights[2] + after * weights[3];
        store16(line + x, __builtin_shufflevector(even, odd, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15));
    }
}

INLINE v16 affine(const float *m, v16 x, v16 y, v16 z) {
    return fma16(x, splat(m[0]), fma16(y, splat(m[1]), fma16(z, splat(m[2]), splat(m[3]))));
}
INLINE v16 linear(const float *m, v16 x, v16 y, v16 z) {
    return fma16(x, splat(m[0]), fma16(y, splat(m[1]), z * m[2]));
}

/* How the curve is found, told apart at compile time so that the loops hold no branch. */
enum { CURVE_NONE, CURVE_PASS, CURVE_MIRROR, CURVE_CLAMP, CURVE_TABLE };

INLINE v16 curve(v16 x, const transfer *by, int kind) {
    switch (kind) {
    case CURVE_NONE: return x;
    case CURVE_PASS: return power_transfer(x, by, NEGATIVE_PASS);
    case CURVE_MIRROR: return power_transfer(x, by, NEGATIVE_MIRROR);
    case CURVE_CLAMP: return power_transfer(x, by, NEGATIVE_CLAMP);
    default: return table_transfer(x, by->table);
    }
}

INLINE int curve_kind(const transfer *by) {
    if (by->table) return CURVE_TABLE;
    if (by->exponent == 1.0f && by->negative != NEGATIVE_CLAMP) return CURVE_NONE;
    return by->negative == NEGATIVE_PASS ? CURVE_PASS : by->negative == NEGATIVE_MIRROR ? CURVE_MIRROR : CURVE_CLAMP;
}

/* -- reading ------------------------------------------------------------------------------------------------------- */

INLINE void light_row(float *const lines[4], int64_t width, const matrices *by, const transfer *how, int kind, int clip,
                      int alpha, float *out) {
    for (int64_t x = 0; x < width; x += LANES) {
        v16 y = load16(lines[0] + x), u = load16(lines[1] + x), v = load16(lines[2] + x);
        v16 r = affine(by->codes, y, u, v), g = affine(by->codes + 4, y, u, v), b = affine(by->codes + 8, y, u, v);
        if (clip) {
            r = clipped(r, 0.0f, 1.0f);
            g = clipped(g, 0.0f, 1.0f);
            b = clipped(b, 0.0f, 1.0f);
        }
        r = curve(r, how, kind);
        g = curve(g, how, kind);
        b = curve(b, how, kind);
        planar p = {linear(by->light, r, g, b), linear(by->light + 3, r, g, b), linear(by->light + 6, r, g, b),
                    splat(1.0f)};
        if (alpha) {
            p.a = load16(lines[3] + x);
            p.r *= p.a;
            p.g *= p.a;
            p.b *= p.a;
        }
        store_planar_part(out + 4 * x, p, width - x);
    }
}

#define LIGHT_ROW(kind) \
    if (clip) light_row(lines, width, by, how, kind, 1, alpha, out); \
    else light_row(lines, width, by, how, kind, 0, alpha, out); \
    break

static void to_light(float *const lines[4], int64_t width, const matrices *by, const transfer *how, int clip, int alpha,
                     float *out) {
    switch (curve_kind(how)) {
    case CURVE_NONE: LIGHT_ROW(CURVE_NONE);
    case CURVE_PASS: LIGHT_ROW(CURVE_PASS);
    case CURVE_MIRROR: LIGHT_ROW(CURVE_MIRROR);
    case CURVE_CLAMP: LIGHT_ROW(CURVE_CLAMP);
    default: LIGHT_ROW(CURVE_TABLE);
    }
}

/* Rows first .. first + count - 1; `down` has one entry for each of them. Returns -1 where memory is short. */
EXPORT int artifex_yuv_to_linear(const video *frame, const matrices *by, const transfer *how, int32_t clip,
                                 int64_t first, int64_t count, const taps *down, float *out, int64_t out_stride) {
    int64_t width = frame->width, size = line_size(width);
    int64_t columns = frame->chroma_x ? (width + 1) / 2 : width;
    float *memory = calloc((size_t)(6 * size), sizeof(float));
    if (!memory) return -1;
    float *lines[4] = {memory + MARGIN, memory + size + MARGIN, memory + 2 * size + MARGIN, memory + 3 * size + MARGIN};
    float *narrow[2] = {memory + 4 * size + MARGIN, memory + 5 * size + MARGIN};
    for (int64_t i = 0; i < count; i++) {
        read_line(frame, 0, 0, first + i, width, 1.0f, 0, lines[0]);
        for (int channel = 0; channel < 2; channel++) {
            float *line = frame->chroma_x ? narrow[channel] : lines[1 + channel];
            int plane = frame->interleaved ? 1 : 1 + channel, offset = frame->interleaved ? channel : 0;
            for (int tap = 0, done = 0; tap < down[i].count; tap++) {
                if (down[i].weights[tap] == 0.0f) continue;
                read_line(frame, plane, offset, down[i].rows[tap], columns, down[i].weights[tap], done, line);
                done = 1;
            }
            if (frame->chroma_x) {
                line[-1] = line[0];
                line[columns] = line[columns - 1];
                spread(line, frame->across, width, lines[1 + channel]);
            }
        }
        if (frame->alpha >= 0) read_line(frame, frame->alpha, 0, first + i, width, 1.0f / frame->peak, 0, lines[3]);
        to_light(lines, width, by, how, clip, frame->alpha >= 0, row_at(out, out_stride, i));
    }
    free(memory);
    return 0;
}

/* -- writing ------------------------------------------------------------------------------------------------------- */

/* Light to signal. Clipped, to 0..1, a NaN becomes 0. Else it is bounded to where codes lie, so that infinity leaves
 * its neighbours in chroma alone. */
INLINE v16 to_signal(v16 x, const transfer *how, int kind, int clip) {
    if (clip && kind != CURVE_NONE && kind != CURVE_TABLE) return clipped_power(x, how);
    v16 signal = curve(x, how, kind);
    if (clip) return clipped(signal, 0.0f, 1.0f);
    return clipped(signal == signal ? signal : splat(0.0f), -2.0f, 3.0f);
}

INLINE void code_row(const float *pixels, int64_t width, const matrices *by, const transfer *how, int kind, int clip,
                     float *const lines[3]) {
    for (int64_t x = 0; x < width; x += LANES) {
        planar p = load_planar_part(pixels + 4 * x, width - x);
        v16 r = to_signal(linear(by->light, p.r, p.g, p.b), how, kind, clip);
        v16 g = to_signal(linear(by->light + 3, p.r, p.g, p.b), how, kind, clip);
        v16 b = to_signal(linear(by->light + 6, p.r, p.g, p.b), how, kind, clip);
        store16(lines[0] + x, affine(by->codes, r, g, b));
        store16(lines[1] + x, affine(by->codes + 4, r, g, b));
        store16(lines[2] + x, affine(by->codes + 8, r, g, b));
    }
}

#define CODE_ROW(kind) \
    code_row(pixels, width, by, how, kind, clip, lines); \
    break

INLINE void codes_by(const float *pixels, int64_t width, const matrices *by, const transfer *how, int clip,
                     float *const lines[3]) {
    int kind = curve_kind(how);
    /* Clipped, all powers are one. */
    if (clip && kind != CURVE_NONE && kind != CURVE_TABLE) kind = CURVE_CLAMP;
    switch (kind) {
    case CURVE_NONE: CODE_ROW(CURVE_NONE);
    case CURVE_PASS: CODE_ROW(CURVE_PASS);
    case CURVE_MIRROR: CODE_ROW(CURVE_MIRROR);
    case CURVE_CLAMP: CODE_ROW(CURVE_CLAMP);
    default: CODE_ROW(CURVE_TABLE);
    }
}

static void to_codes(const float *pixels, int64_t width, const matrices *by, const transfer *how, int clip,
                     float *const lines[3]) {
    if (clip) codes_by(pixels, width, by, how, 1, lines);
    else codes_by(pixels, width, by, how, 0, lines);
}

/* A line of chroma at half its width; `line`, `even` and `odd` have margins. */
static void narrow_line(float *line, const video *frame, float *even, float *odd, float *to) {
    const float *w = frame->across;
    int64_t width = frame->width, columns = (width + 1) / 2;
    line[-1] = line[-2] = line[0];
    line[width] = line[width + 1] = line[width + 2] = line[width - 1];
    for (int64_t k = -LANES; k < columns + LANES; k += LANES) {
        v16 a = load16(line + 2 * k), b = load16(line + 2 * k + 16);
        store16(even + k, __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30));
        store16(odd + k, __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31));
    }
    for (int64_t k = 0; k < columns; k += LANES) {
        v16 sum = load16(even + k - 1) * w[0] + load16(odd + k - 1) * w[1];
        sum = fma16(load16(even + k), splat(w[2]), sum);
        sum = fma16(load16(odd + k), splat(w[3]), sum);
        store16(to + k, fma16(load16(even + k + 1), splat(w[4]), sum));
    }
    if (frame->odd_end) to[columns - 1] = width > 1 ? 1.5f * line[width - 1] - 0.5f * line[width - 2] : line[0];
}

/* The nearest codes. */
static void write_line(const video *frame, int plane, int offset, int64_t row, int64_t count, const float *line) {
    char *to = (char *)frame->planes[plane] + row * frame->strides[plane];
    int64_t step = frame->interleaved && plane == 1 ? 2 : 1, x = 0;
    for (; x < count; x += LANES) {
        v16 values = load16(line + x);
        u16 codes = __builtin_convertvector(__builtin_elementwise_rint(clipped(values, 0.0f, frame->peak)), u16);
        codes <<= (uint32_t)frame->shift;
        int whole = step == 1 && x + LANES <= count;
        if (frame->wide) {
            h16 words = __builtin_convertvector(codes, h16);
            uint16_t *at = (uint16_t *)to + x * step + offset;
            if (whole) *(h16 *)at = words;
            else
                for (int64_t i = 0; i < least(LANES, count - x); i++) at[i * step] = words[i];
        } else {
            b16 bytes = __builtin_convertvector(codes, b16);
            uint8_t *at = (uint8_t *)to + x * step + offset;
            if (whole) *(b16 *)at = bytes;
            else
                for (int64_t i = 0; i < least(LANES, count - x); i++) at[i * step] = bytes[i];
        }
    }
}

/* How many lines of chroma are kept: more than any filter reaches down. */
enum { KEPT = 8 };

/* Rows first .. first + count - 1 of the planes, from the whole picture; `down` has one entry for each row of chroma
 * among them, whose `rows` rise. Returns -1 where memory is short. */
EXPORT int artifex_linear_to_yuv(const float *pixels, int64_t stride, const matrices *by, const transfer *how,
                                 int32_t clip, const video *frame, int64_t first, int64_t count, const taps *down,
                                 int64_t chroma_first, int64_t chroma_count) {
    int64_t width = frame->width, size = line_size(width);
    int64_t columns = frame->chroma_x ? (width + 1) / 2 : width;
    float *memory = calloc((size_t)((6 + 2 * KEPT) * size), sizeof(float));
    if (!memory) return -1;
    float *lines[3] = {memory + MARGIN, memory + size + MARGIN, memory + 2 * size + MARGIN};
    float *sum = memory + 3 * size + MARGIN, *even = sum + size, *odd = even + size, *kept = odd + size;

    int64_t row = first, end = first + count, wanted = 0;
    for (int64_t k = 0; k < chroma_count; k++) {
        const taps *of = down + k;
        if (of->rows[0] < row) row = of->rows[0];
        end = most(end, of->rows[of->count - 1] + 1);
    }
    for (; row < end; row++) {
        to_codes(row_in(pixels, stride, row), width, by, how, clip, lines);
        if (row >= first && row < first + count) write_line(frame, 0, 0, row, width, lines[0]);
        for (int channel = 0; channel < 2; channel++) {
            float *line = kept + (2 * (row % KEPT) + channel) * size;
            if (frame->chroma_x) narrow_line(lines[1 + channel], frame, even, odd, line);
            else memcpy(line, lines[1 + channel], (size_t)columns * sizeof(float));
        }
        for (; wanted < chroma_count && down[wanted].rows[down[wanted].count - 1] <= row; wanted++) {
            const taps *of = down + wanted;
            for (int channel = 0; channel < 2; channel++) {
                for (int64_t x = 0; x < columns; x += LANES) {
                    v16 total = splat(0.0f);
                    for (int tap = 0; tap < of->count; tap++) {
                        const float *line = kept + (2 * (of->rows[tap] % KEPT) + channel) * size;
                        total = fma16(load16(line + x), splat(of->weights[tap]), total);
                    }
                    store16(sum + x, total);
                }
                int plane = frame->interleaved ? 1 : 1 + channel, offset = frame->interleaved ? channel : 0;
                write_line(frame, plane, offset, chroma_first + wanted, columns, sum);
            }
        }
    }
    free(memory);
    return 0;
}
