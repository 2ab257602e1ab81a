/* <complex.h> with C11's CMPLX on every compiler: glibc 2.36 defines it for
 * gcc only, though clang has the builtin behind it. */
#ifndef THM_CMPLX_H
#define THM_CMPLX_H

#include <complex.h>

#ifndef CMPLX
#define CMPLX(re, im) __builtin_complex((double)(re), (double)(im))
#endif
#ifndef CMPLXL
#define CMPLXL(re, im) __builtin_complex((long double)(re), (long double)(im))
#endif

#endif
