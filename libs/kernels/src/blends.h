/* What Merge does with four pixels of two premultiplied pictures; the formulas are those of libs.kernels.composite.merge.
 *
 * Blends are functions of straight colours s = A/α and b = B/β, weighted by αβ. They are written for A and B themselves,
 * with Aβ = αβ·s and Bα = αβ·b, so that nothing is divided by an alpha where the formula can do without: light without
 * coverage has no straight colour.
 */
#pragma once

#include <float.h>

#include "vector.h"

typedef struct {
    v16 a, b, aa, ba; /* four pixels of each picture, and their alphas in every lane */
    v16 luma;         /* the luminance weights of red, green and blue, in their lanes; 0 in alpha's */
} both;

enum { LARGEST_HALF = 65504 };

/* As NumPy's minimum and maximum: a NaN on either side is the result. */
INLINE v16 lesser(v16 x, v16 y) { return x < y || x != x ? x : y; }
INLINE v16 greater(v16 x, v16 y) { return x > y || x != x ? x : y; }

/* What is seen of each where the other is not. */
INLINE v16 outside(both p) { return fma16(p.a, 1.0f - p.ba, p.b * (1.0f - p.aa)); }
INLINE v16 blend_alpha(both p, v16 colour) { return COLOUR_LANES ? colour : p.aa + p.ba - p.aa * p.ba; }
/* αβ times a blend function, and what is seen of each alone. */
INLINE v16 blended(both p, v16 mixed) { return blend_alpha(p, mixed + outside(p)); }

/* Porter and Duff, for all four channels. */
INLINE v16 f_over(both p) { return fma16(p.b, 1.0f - p.aa, p.a); }
INLINE v16 f_under(both p) { return fma16(p.a, 1.0f - p.ba, p.b); }
INLINE v16 f_in(both p) { return p.a * p.ba; }
INLINE v16 f_out(both p) { return p.a * (1.0f - p.ba); }
INLINE v16 f_atop(both p) { return fma16(p.a, p.ba, p.b * (1.0f - p.aa)); }
INLINE v16 f_xor(both p) { return fma16(p.a, 1.0f - p.ba, p.b * (1.0f - p.aa)); }
INLINE v16 f_mask(both p) { return p.b * p.aa; }
INLINE v16 f_stencil(both p) { return p.b * (1.0f - p.aa); }
INLINE v16 f_copy(both p) { return p.a; }
INLINE v16 f_clear(both p) { return splat(0.0f); }
INLINE v16 f_destination(both p) { return p.b; }
INLINE v16 f_destination_atop(both p) { return fma16(p.b, p.aa, p.a * (1.0f - p.ba)); }

/* Over, for coverages that belong together: b is seen where a is not, as much as there is of it. */
INLINE v16 f_conjoint_over(both p) {
    v16 seen = p.ba > p.aa ? (p.ba - p.aa) / p.ba : splat(0.0f);
    return fma16(p.b, p.aa > 0.0f ? seen : splat(1.0f), p.a);
}
INLINE v16 f_disjoint_over(both p) {
    v16 room = p.ba > 0.0f ? clipped((1.0f - p.aa) / p.ba, 0.0f, 1.0f) : splat(0.0f);
    return fma16(p.b, p.aa + p.ba < 1.0f ? splat(1.0f) : room, p.a);
}
INLINE v16 f_matte(both p) { return fma16(p.b, 1.0f - p.aa, COLOUR_LANES ? p.a * p.aa : p.a); }

/* Sums of light. */
INLINE v16 f_plus(both p) { return COLOUR_LANES ? p.a + p.b : min16(p.aa + p.ba, splat(1.0f)); }
INLINE v16 f_minus(both p) { return blend_alpha(p, p.a - p.b); }
INLINE v16 f_from(both p) { return blend_alpha(p, p.b - p.a); }
INLINE v16 f_average(both p) { return (p.a + p.b) * 0.5f; }

/* Blend functions without a limit. */
INLINE v16 f_multiply(both p) { return blend_alpha(p, fma16(p.a, p.b, outside(p))); }
INLINE v16 f_darken(both p) { return blended(p, lesser(p.a * p.ba, p.b * p.aa)); }
INLINE v16 f_lighten(both p) { return blended(p, greater(p.a * p.ba, p.b * p.aa)); }
INLINE v16 f_difference(both p) { return blend_alpha(p, p.a + p.b - 2.0f * lesser(p.a * p.ba, p.b * p.aa)); }
INLINE v16 f_divide(both p) {
    v16 ratio = clipped(p.a * p.ba * p.ba / p.b, -(float)LARGEST_HALF, (float)LARGEST_HALF);
    return blended(p, p.b > 0.0f ? ratio : splat(0.0f));
}
INLINE v16 f_geometric(both p) {
    v16 x = p.a * p.ba, y = p.b * p.aa;
    return blended(p, (x > 0.0f) & (y > 0.0f) ? 2.0f * x * (y / (x + y)) : splat(0.0f));
}
INLINE v16 f_hypot(both p) {
    v16 x = p.a * p.ba, y = p.b * p.aa;
    return blended(p, __builtin_elementwise_sqrt(x * x + y * y));
}

/* Blend functions made for 0 to 1, with what becomes of light beyond. */
INLINE v16 f_screen(both p) {
    v16 formula = p.a + p.b - p.a * p.b;
    return blend_alpha(p, (p.a > 1.0f) | (p.b > 1.0f) ? greater(p.a, p.b) : formula);
}
INLINE v16 f_exclusion(both p) {
    v16 one = splat(1.0f), none = splat(0.0f), a = lesser(p.a, one), b = lesser(p.b, one);
    return blend_alpha(p, a + b - 2.0f * a * b + abs16(max16(p.a - 1.0f, none) - max16(p.b - 1.0f, none)));
}
INLINE v16 f_overlay(both p) {
    v16 dark = 2.0f * p.a * p.b;
    v16 bright = p.aa * p.ba - 2.0f * (p.ba - p.b) * (p.aa - p.a);
    v16 mixed = 2.0f * p.b <= p.ba ? dark : bright;
    return blended(p, p.b > p.ba ? p.b * p.aa : mixed);
}
INLINE v16 f_hard_light(both p) {
    /* Screen of b and t = 2s − 1. */
    v16 twice = 2.0f * p.a - p.aa, y = p.b * p.aa, t = twice * p.ba;
    v16 bright = (p.b > p.ba) | (p.a > p.aa) ? greater(y, t) : y + t - p.b * twice;
    return blended(p, 2.0f * p.a <= p.aa ? 2.0f * p.a * p.b : bright);
}
INLINE v16 f_soft_light(both p) {
    i16 within = (p.b > 0.0f) & (p.b < p.ba);
    v16 b = within ? p.b / p.ba : splat(0.0f);
    v16 s = p.aa > 0.0f ? clipped(p.a / p.aa, 0.0f, 1.0f) : splat(0.0f);
    v16 lift = b <= 0.25f ? ((16.0f * b - 12.0f) * b + 4.0f) * b : __builtin_elementwise_sqrt(b);
    v16 mixed = fma16(2.0f * s - 1.0f, s <= 0.5f ? b * (1.0f - b) : lift - b, b);
    return blended(p, within ? p.aa * p.ba * mixed : p.b * p.aa);
}

/* αβ times color-dodge and color-burn with the straight colour t/α in place of a's. */
INLINE v16 dodged(both p, v16 t) {
    v16 lit = max16(t, splat(0.0f)), room = p.aa - lit;
    v16 raised = room > 0.0f ? min16(p.b * p.aa / room, p.ba) : p.ba;
    return p.aa * (p.b > 0.0f ? max16(raised, p.b) : p.b);
}
INLINE v16 burnt(both p, v16 t) {
    v16 lit = min16(t, p.aa);
    v16 lowered = lit > 0.0f ? p.ba - min16((p.ba - p.b) * p.aa / lit, p.ba) : splat(0.0f);
    return p.aa * ((p.b > 0.0f) & (p.b < p.ba) ? lowered : p.b);
}
INLINE v16 f_color_dodge(both p) { return blended(p, dodged(p, p.a)); }
INLINE v16 f_color_burn(both p) { return blended(p, burnt(p, p.a)); }
INLINE v16 f_vivid_light(both p) {
    return blended(p, 2.0f * p.a < p.aa ? burnt(p, 2.0f * p.a) : dodged(p, 2.0f * p.a - p.aa));
}
INLINE v16 not_below(v16 b, v16 mixed) { return max16(mixed, min16(b, splat(0.0f))); }
INLINE v16 f_linear_burn(both p) { return blended(p, not_below(p.b * p.aa, (p.a - p.aa) * p.ba + p.b * p.aa)); }
INLINE v16 f_linear_light(both p) {
    return blended(p, not_below(p.b * p.aa, (2.0f * p.a - p.aa) * p.ba + p.b * p.aa));
}
INLINE v16 f_pin_light(both p) {
    v16 twice = 2.0f * p.a;
    return blended(p, max16((twice - p.aa) * p.ba, min16(p.b * p.aa, twice * p.ba)));
}

/* As Merge had them before it cared for light beyond 1. */
INLINE v16 f_screen_extended(both p) { return blend_alpha(p, p.a + p.b - p.a * p.b); }
INLINE v16 f_overlay_extended(both p) {
    v16 dark = 2.0f * p.a * p.b;
    v16 bright = p.aa * p.ba - 2.0f * (p.ba - p.b) * (p.aa - p.a);
    return blend_alpha(p, (2.0f * p.b <= p.ba ? dark : bright) + outside(p));
}
INLINE v16 f_exclusion_extended(both p) {
    return blend_alpha(p, fma16(p.a, p.ba, p.b * p.aa) - 2.0f * p.a * p.b + outside(p));
}

/* Of a pixel's three colours, in all its lanes. */
INLINE v16 reds(v16 p) {
    return __builtin_shufflevector(p, p, 0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12);
}
INLINE v16 greens(v16 p) {
    return __builtin_shufflevector(p, p, 1, 1, 1, 1, 5, 5, 5, 5, 9, 9, 9, 9, 13, 13, 13, 13);
}
INLINE v16 blues(v16 p) {
    return __builtin_shufflevector(p, p, 2, 2, 2, 2, 6, 6, 6, 6, 10, 10, 10, 10, 14, 14, 14, 14);
}
INLINE v16 least_of(v16 p) { return min16(min16(reds(p), greens(p)), blues(p)); }
INLINE v16 most_of(v16 p) { return max16(max16(reds(p), greens(p)), blues(p)); }
INLINE v16 luminance(both p, v16 c) {
    v16 parts = c * p.luma;
    return reds(parts) + greens(parts) + blues(parts);
}

/* The W3C's SetSat, SetLum and ClipColor, of colours times αβ. Colours stay within 0 and 1, or within what the two
 * pictures have beyond. */
INLINE v16 with_saturation(v16 c, v16 wanted) {
    v16 low = least_of(c), range = most_of(c) - low;
    return range > 0.0f ? (c - low) / range * wanted : splat(0.0f);
}
INLINE v16 with_luminance(both p, v16 c, v16 wanted) {
    v16 x = p.a * p.ba, y = p.b * p.aa;
    v16 floor = min16(min16(least_of(x), least_of(y)), splat(0.0f));
    v16 ceiling = max16(max16(most_of(x), most_of(y)), p.aa * p.ba);
    c += wanted - luminance(p, c);
    v16 below = wanted - least_of(c), above = most_of(c) - wanted;
    v16 down = wanted - floor, up = ceiling - wanted;
    v16 shrink = below > down ? max16(down, splat(0.0f)) / max16(below, splat(FLT_MIN)) : splat(1.0f);
    c = fma16(c - wanted, shrink, wanted);
    shrink = above > up ? max16(up, splat(0.0f)) / max16(above, splat(FLT_MIN)) : splat(1.0f);
    return fma16(c - wanted, shrink, wanted);
}
INLINE v16 saturation_of(v16 c) { return most_of(c) - least_of(c); }
INLINE v16 f_hue(both p) {
    v16 x = p.a * p.ba, y = p.b * p.aa;
    return blended(p, with_luminance(p, with_saturation(x, saturation_of(y)), luminance(p, y)));
}
INLINE v16 f_saturation(both p) {
    v16 x = p.a * p.ba, y = p.b * p.aa;
    return blended(p, with_luminance(p, with_saturation(y, saturation_of(x)), luminance(p, y)));
}
INLINE v16 f_color(both p) {
    v16 y = p.b * p.aa;
    return blended(p, with_luminance(p, p.a * p.ba, luminance(p, y)));
}
INLINE v16 f_luminosity(both p) {
    return blended(p, with_luminance(p, p.b * p.aa, luminance(p, p.a * p.ba)));
}
