/* The ceiling: the founding force of B systems of N particles in the plane, with AVX-512.
 *
 * Compiled by dynamics_peers.py with the system's compiler. Structure of arrays; four targets
 * against sixteen sources a turn; 1/r² from the processor's estimate and one step of Newton's
 * method; all targets of all systems are shared out over the threads. N is a multiple of 16.
 */
#include <immintrin.h>

void founding_force(const float *x, const float *y, float *fx, float *fy, long systems, long n) {
  const long groups = n / 4;
#pragma omp parallel for schedule(static)
  for (long g = 0; g < systems * groups; g++) {
    const long base = (g / groups) * n, first = base + (g % groups) * 4;
    const __m512 two = _mm512_set1_ps(2.0f), zero = _mm512_setzero_ps();
    __m512 tx[4], ty[4], sx[4], sy[4];
    for (int k = 0; k < 4; k++) {
      tx[k] = _mm512_set1_ps(x[first + k]);
      ty[k] = _mm512_set1_ps(y[first + k]);
      sx[k] = sy[k] = zero;
    }
    for (long j = base; j < base + n; j += 16) {
      const __m512 xj = _mm512_loadu_ps(x + j), yj = _mm512_loadu_ps(y + j);
      for (int k = 0; k < 4; k++) {
        const __m512 dx = _mm512_sub_ps(tx[k], xj), dy = _mm512_sub_ps(ty[k], yj);
        const __m512 square = _mm512_fmadd_ps(dx, dx, _mm512_mul_ps(dy, dy));
        const __mmask16 apart = _mm512_cmp_ps_mask(square, zero, _CMP_GT_OQ);
        __m512 inverse = _mm512_maskz_rcp14_ps(apart, square);
        inverse = _mm512_mul_ps(inverse, _mm512_fnmadd_ps(square, inverse, two));
        sx[k] = _mm512_fmadd_ps(inverse, dx, sx[k]);
        sy[k] = _mm512_fmadd_ps(inverse, dy, sy[k]);
      }
    }
    for (int k = 0; k < 4; k++) {
      fx[first + k] = _mm512_reduce_add_ps(sx[k]);
      fy[first + k] = _mm512_reduce_add_ps(sy[k]);
    }
  }
}
