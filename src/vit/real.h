/* One source, two precisions: a file *_real.c is compiled with THM_REAL = 32
 * for training and with THM_REAL = 64 for checks.  NAMED(x) is thm_vit32_x or
 * thm_vit64_x; literals are written (real)0.5; <tgmath.h> picks sqrt or sqrtf.
 */
#ifndef THM_VIT_REAL_H
#define THM_VIT_REAL_H

#if THM_REAL == 32
typedef float real;
#define NAMED(name) thm_vit32_##name
#define VIT thm_vit32
#elif THM_REAL == 64
typedef double real;
#define NAMED(name) thm_vit64_##name
#define VIT thm_vit64
#else
#error "THM_REAL: expected 32 or 64"
#endif

#endif
