/* One source, two precisions: a file *_real.c is compiled with THM_REAL = 32
 * for training and with THM_REAL = 64 for checks.  NAMED(x) is thm_vit32_x or
 * thm_vit64_x; literals are written (real)0.5; <tgmath.h> picks sqrt or sqrtf.
 *
 * This header and kernels.h may be included again with another THM_REAL: a test
 * sees both. */
#undef real
#undef NAMED
#undef VIT

#if THM_REAL == 32
#define real float
#define NAMED(name) thm_vit32_##name
#define VIT thm_vit32
#elif THM_REAL == 64
#define real double
#define NAMED(name) thm_vit64_##name
#define VIT thm_vit64
#else
#error "THM_REAL: expected 32 or 64"
#endif
