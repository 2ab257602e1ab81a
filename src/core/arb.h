/* Arb under either of its names: a library of its own, or part of FLINT 3. */
#ifndef THM_ARB_H
#define THM_ARB_H

#if __has_include(<flint/arb.h>)
#include <flint/arb.h>
#include <flint/arb_mat.h>
#include <flint/arb_poly.h>
#else
#include <arb.h>
#include <arb_mat.h>
#include <arb_poly.h>
#endif

#endif
