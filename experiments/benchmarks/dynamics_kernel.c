/* The ceiling: the founding force of B systems of N particles in the plane, in the widest vectors
 * that the processor has, AVX-512 or AVX2.
 *
 * Compiled by dynamics_peers.py with the system's compiler. Structure of arrays; four targets
 * against a vector of sources a turn; 1/r² from the processor's estimate and one step of Newton's
 * method; all targets of all systems are shared out over the threads. N is a multiple of WIDTH.
 */
#include <immintrin.h>

#ifdef __AVX512F__
#define WIDTH 16
typedef __m512 vector;
#define OF(name) _mm512_##name
static inline vector inverse_estimate(vector square) {
  const __mmask16 apart = _mm512_cmp_ps_mask(square, _mm512_setzero_ps(), _CMP_GT_OQ);
  return _mm512_maskz_rcp14_ps(apart, square);
}
static inline float sum(vector v) { return _mm512_reduce_add_ps(v); }
#else
#define WIDTH 8
typedef __m256 vector;
#define OF(name) _mm256_##name
static inline vector inverse_estimate(vector square) {
  const vector apart = _mm256_cmp_ps(square, _mm256_setzero_ps(), _CMP_GT_OQ);
  return _mm256_and_ps(apart, _mm256_rcp_ps(square));
}
static inline float sum(vector v) {
  float parts[WIDTH], total = 0;
  _mm256_storeu_ps(parts, v);
  for (int k = 0; k < WIDTH; k++) total += parts[k];
  return total;
}
#endif

void founding_force(const float *x, const float *y, float *fx, float *fy, long systems, long n) {
  const long groups = n / 4;
#pragma omp parallel for schedule(static)
  for (long g = 0; g < systems * groups; g++) {
    const long base = (g / groups) * n, first = base + (g % groups) * 4;
    const vector two = OF(set1_ps)(2.0f), zero = OF(setzero_ps)();
    vector tx[4], ty[4], sx[4], sy[4];
    for (int k = 0; k < 4; k++) {
      tx[k] = OF(set1_ps)(x[first + k]);
      ty[k] = OF(set1_ps)(y[first + k]);
      sx[k] = sy[k] = zero;
    }
    for (long j = base; j < base + n; j += WIDTH) {
      const vector xj = OF(loadu_ps)(x + j), yj = OF(loadu_ps)(y + j);
      for (int k = 0; k < 4; k++) {
        const vector dx = OF(sub_ps)(tx[k], xj), dy = OF(sub_ps)(ty[k], yj);
        const vector square = OF(fmadd_ps)(dx, dx, OF(mul_ps)(dy, dy));
        vector inverse = inverse_estimate(square);
        inverse = OF(mul_ps)(inverse, OF(fnmadd_ps)(square, inverse, two));
        sx[k] = OF(fmadd_ps)(inverse, dx, sx[k]);
        sy[k] = OF(fmadd_ps)(inverse, dy, sy[k]);
      }
    }
    for (int k = 0; k < 4; k++) {
      fx[first + k] = sum(sx[k]);
      fy[first + k] = sum(sy[k]);
    }
  }
}
