// Vectors of single precision: loads, stores and elementary functions, for the generated kernels.
//
// GNU vector extensions (GCC and Clang): the compiler lowers them to whatever the processor has.
// No -ffast-math: nan, inf and signed zeros are what IEEE 754 says, and the rounding mode of the
// process stays as it is.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#if defined(__AVX__)
#include <immintrin.h>
#endif
#if defined(__AVX512F__)
#define LANES 16
#else
#define LANES 8
#endif

typedef float V __attribute__((vector_size(LANES * 4)));
typedef int32_t I __attribute__((vector_size(LANES * 4)));
typedef uint32_t U __attribute__((vector_size(LANES * 4)));
typedef double D __attribute__((vector_size(LANES * 8)));
typedef int64_t L __attribute__((vector_size(LANES * 8)));
typedef uint16_t H __attribute__((vector_size(LANES * 2)));
typedef uint8_t Y __attribute__((vector_size(LANES)));

using std::int64_t;
#define INLINE static inline __attribute__((always_inline))

// ---- lanes

template <int K> using which = std::integral_constant<int, K>;
INLINE V all(float x) { return x - V{}; }
INLINE I all_i(int32_t x) { return x - I{}; }
INLINE I lane_numbers() {
  I r;
  for (int i = 0; i < LANES; i++) r[i] = i;
  return r;
}
INLINE V pick(I m, V a, V b) { return m ? a : b; }
INLINE I pick_i(I m, I a, I b) { return m ? a : b; }
INLINE V bits_v(I x) { return (V)x; }
INLINE I bits_i(V x) { return (I)x; }

INLINE float sum_lanes(V x) {
#if defined(__AVX512F__)
  return _mm512_reduce_add_ps((__m512)x);
#else
  float s = 0;
  for (int i = 0; i < LANES; i++) s += x[i];
  return s;
#endif
}
INLINE double sum_lanes(D x) {
  double s = 0;
  for (int i = 0; i < LANES; i++) s += x[i];
  return s;
}
INLINE I is_nan(V x) { return x != x; }
// nan wins, as in torch
#if defined(__AVX512F__)
INLINE V or_nan(V a, V b, V r) {
  __mmask16 m = _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_UNORD_Q);
  return (V)_mm512_mask_add_ps((__m512)r, m, (__m512)a, (__m512)b);
}
INLINE V max_v(V a, V b) { return or_nan(a, b, (V)_mm512_max_ps((__m512)a, (__m512)b)); }
INLINE V min_v(V a, V b) { return or_nan(a, b, (V)_mm512_min_ps((__m512)a, (__m512)b)); }
#else
INLINE V max_v(V a, V b) { return (a > b) | is_nan(a) ? a : b; }
INLINE V min_v(V a, V b) { return (a < b) | is_nan(a) ? a : b; }
#endif
// the same, where the first is no nan: the second operand is what the instructions return for nan
#if defined(__AVX512F__)
INLINE V max_c(V c, V x) { return (V)_mm512_max_ps((__m512)c, (__m512)x); }
INLINE V min_c(V c, V x) { return (V)_mm512_min_ps((__m512)c, (__m512)x); }
#else
INLINE V max_c(V c, V x) { return c > x ? c : x; }
INLINE V min_c(V c, V x) { return c < x ? c : x; }
#endif
INLINE float max_lanes(V x) {
#if defined(__AVX512F__)
  if (_mm512_cmp_ps_mask((__m512)x, (__m512)x, _CMP_UNORD_Q)) return NAN;
  return _mm512_reduce_max_ps((__m512)x);
#else
  float m = x[0];
  for (int i = 1; i < LANES; i++) m = (m > x[i]) | (m != m) ? m : x[i];
  return m;
#endif
}
INLINE float min_lanes(V x) { return -max_lanes(-x); }
INLINE bool any(I m) {
#if defined(__AVX512F__)
  return _mm512_test_epi32_mask((__m512i)m, (__m512i)m) != 0;
#else
  int32_t r = 0;
  for (int i = 0; i < LANES; i++) r |= m[i];
  return r != 0;
#endif
}

// ---- memory: n lanes of it, the others zero

struct bf16 { uint16_t bits; };
template <bool FULL, class T, class W> INLINE W raw(const T* p, int64_t n) {
  W r{};
  if constexpr (FULL) {
    memcpy(&r, p, sizeof r);
  } else {
    for (int64_t i = 0; i < n; i++) ((T*)&r)[i] = p[i];
  }
  return r;
}
template <bool FULL> INLINE V load(const float* p, int64_t n) {
#if defined(__AVX512F__)
  if constexpr (!FULL) return (V)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#endif
  return raw<FULL, float, V>(p, n);
}
template <bool FULL> INLINE V load(const bf16* p, int64_t n) {
  H h = raw<FULL, uint16_t, H>((const uint16_t*)p, n);
  return (V)(__builtin_convertvector(h, U) << 16);
}
template <bool FULL> INLINE I load(const bool* p, int64_t n) {
  return __builtin_convertvector(raw<FULL, uint8_t, Y>((const uint8_t*)p, n), I) != 0;
}
INLINE I narrow(L x) {  // what no int32 holds stays out of every range of classes
  x = (x > (int64_t)INT32_MAX) | (x < (int64_t)INT32_MIN) ? (int64_t)INT32_MIN - L{} : x;
  return __builtin_convertvector(x, I);
}
template <bool FULL> INLINE I load(const int64_t* p, int64_t n) {
  return narrow(raw<FULL, int64_t, L>(p, n));
}
INLINE V one(const float* p) { return all(*p); }
INLINE V one(const bf16* p) { return (V)(((U)all_i(p->bits)) << 16); }
INLINE I one(const bool* p) { return all_i(*p ? -1 : 0); }
INLINE I one(const int64_t* p) { return narrow(*p - L{}); }

template <bool FULL> INLINE void store(float* p, V x, int64_t n) {
#if defined(__AVX512F__)
  if constexpr (!FULL) {
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)x);
    return;
  }
#endif
  memcpy(p, &x, FULL ? sizeof x : n * 4);
}
template <bool FULL> INLINE void store(bf16* p, V x, int64_t n) {  // to nearest, ties to even
  U b = (U)x;
  U r = (b + 0x7fffu + ((b >> 16) & 1u)) >> 16;
  r = is_nan(x) ? 0x7fc0u - U{} : r;
  H h = __builtin_convertvector(r, H);
  memcpy(p, &h, FULL ? sizeof h : n * 2);
}

// The same past the caches, for what is too large to stay in them: a line of memory that is written
// whole need not be read first.
template <class P> INLINE bool is_line(const P* p) { return (uintptr_t)p % (LANES * sizeof(P)) == 0; }
template <bool FULL> INLINE void store_far(float* p, V x, int64_t n, bool far) {
#if defined(__AVX512F__)
  if (FULL && far && is_line(p)) return _mm512_stream_ps(p, (__m512)x);
#elif defined(__AVX__)
  if (FULL && far && is_line(p)) return _mm256_stream_ps(p, (__m256)x);
#endif
  store<FULL>(p, x, n);
}
template <bool FULL> INLINE void store_far(bf16* p, V x, int64_t n, bool far) {
#if defined(__AVX512F__)
  if (FULL && far && is_line(p)) {
    bf16 r[LANES];
    store<true>(r, x, n);
    return _mm256_stream_si256((__m256i*)p, _mm256_loadu_si256((const __m256i*)r));
  }
#endif
  store<FULL>(p, x, n);
}
INLINE void end_of_far() {
#if defined(__AVX__)
  _mm_sfence();
#endif
}

// places of the inner axis; a label outside it is reported elsewhere, and reads nothing here
INLINE int64_t place(int64_t i, int64_t inner) { return i < 0 ? 0 : i >= inner ? inner - 1 : i; }
template <class T, class R = decltype(one((const T*)nullptr))>
INLINE R gather(const T* p, int64_t start, int64_t stride, int64_t at, I where, int64_t inner, int64_t n) {
  R r{};
  for (int64_t i = 0; i < n; i++) {
    int64_t j = start + place(where[i], inner) * stride;
    r[i] = one(p + j + (at < 0 ? 0 : at + i))[0];
  }
  return r;
}

// ---- elementary functions, within 2 units in the last place

INLINE V abs_v(V x) { return (V)((I)x & 0x7fffffff); }
INLINE V sign_v(V x) { return x > 0 ? all(1) : x < 0 ? all(-1) : all(0); }
INLINE V fma_v(V a, V b, V c) {
#if defined(__AVX512F__)
  return (V)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#else
  return a * b + c;
#endif
}
INLINE V sqrt_v(V x) {
#if defined(__AVX512F__)
  return (V)_mm512_sqrt_ps((__m512)x);
#else
  V r;
  for (int i = 0; i < LANES; i++) r[i] = __builtin_sqrtf(x[i]);
  return r;
#endif
}
INLINE V round_v(V x) {  // to nearest, ties to even
  V magic = (V)(((I)x & (I)all_i(INT32_MIN)) | (I)all(8388608.0f));
  V r = (x + magic) - magic;
  return abs_v(x) < 8388608.0f ? r : x;
}

// exp(x) = 2^k exp(r), |r| <= log(2) / 2; the polynomial is a minimax one of degree 6.
INLINE V exp_v(V x) {
#if defined(__AVX512F__)  // a nan as the second operand is what min and max return
  V c = (V)_mm512_max_ps((__m512)all(-104.0f), _mm512_min_ps((__m512)all(89.0f), (__m512)x));
  V k = (V)_mm512_roundscale_ps((__m512)(c * 1.44269504f), 8);
#else
  V c = x < -104.0f ? all(-104.0f) : x;
  c = c > 89.0f ? all(89.0f) : c;
  V k = (c * 1.44269504f + 12582912.0f) - 12582912.0f;
#endif
  V r = fma_v(k, all(-0.693359375f), c);
  r = fma_v(k, all(2.12194440e-4f), r);
  V p = all(1.381681987e-3f);
  p = fma_v(p, r, all(8.368665245e-3f));
  p = fma_v(p, r, all(4.166834233e-2f));
  p = fma_v(p, r, all(1.666652123e-1f));
  p = fma_v(p, r, all(4.999999368e-1f));
  p = fma_v(p, r * r, r) + 1.0f;
#if defined(__AVX512F__)
  return (V)_mm512_scalef_ps((__m512)p, (__m512)k);
#else
  I n = __builtin_convertvector(is_nan(x) ? all(0) : k, I), half = n >> 1;  // k reaches -150
  return p * (V)((half + 127) << 23) * (V)((n - half + 127) << 23);
#endif
}

// log(1 + r) for r in [-1/4, 1/2]: r + r^2 q(r); q is a minimax polynomial of degree 8.
INLINE V log1p_near_zero(V r) {
  V q = all(-0.04491150127f);
  q = fma_v(q, r, all(0.1044850362f));
  q = fma_v(q, r, all(-0.1316223351f));
  q = fma_v(q, r, all(0.1448202985f));
  q = fma_v(q, r, all(-0.1664776331f));
  q = fma_v(q, r, all(0.1999060867f));
  q = fma_v(q, r, all(-0.2500005481f));
  q = fma_v(q, r, all(0.333334544f));
  q = fma_v(q, r, all(-0.5000000082f));
  return fma_v(r * r, q, r);
}
INLINE V plus_k_log2(V x, V k) {  // in two parts: k times the first is exact
  return fma_v(k, all(0.693359375f), fma_v(k, all(-2.12194440e-4f), x));
}
// x = 2^k m with m in [3/4, 3/2)
INLINE V exponent(V x) {
#if defined(__AVX512F__)
  __m512 m = _mm512_getmant_ps((__m512)x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_zero);
  return (V)_mm512_getexp_ps((__m512)x) - (V)_mm512_getexp_ps(m);
#else
  return __builtin_convertvector(((I)x - 0x3f400000) >> 23, V);
#endif
}
INLINE V log_v(V x) {
#if defined(__AVX512F__)  // the instructions know of zero, infinity, nan and subnormal numbers
  V m = (V)_mm512_getmant_ps((__m512)x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_nan);
  V k = exponent(x);
  return abs_v(k) == INFINITY ? k + (m - m) : plus_k_log2(log1p_near_zero(m - 1.0f), k);
#else
  I tiny = x < 1.17549435e-38f;
  V y = tiny ? x * 8388608.0f : x;
  V k = exponent(y) - (tiny ? all(23.0f) : all(0.0f));
  V m = (V)((((I)y - 0x3f400000) & 0x007fffff) + 0x3f400000);
  V r = plus_k_log2(log1p_near_zero(m - 1.0f), k);
  r = x == 0 ? all(-INFINITY) : r;
  r = (x < 0) | is_nan(x) ? all(NAN) : r;
  return x == INFINITY ? x : r;
#endif
}
INLINE V power_of_2(I k) { return (V)((k + 127) << 23); }
// log(1 + x): with 1 + x near 2^k, 2^-k x + (2^-k - 1) is (1 + x) / 2^k - 1 without its rounding.
INLINE V log1p_between_0_and_1(V x) {
  V k = x > 0.5f ? all(1.0f) : all(0.0f);
  V s = x > 0.5f ? all(0.5f) : all(1.0f);
  return plus_k_log2(log1p_near_zero(fma_v(x, s, s - 1.0f)), k);
}
INLINE V log1p_v(V x) {
  V w = 1.0f + x, k = exponent(w);
  I n = -__builtin_convertvector(k, I), half = n >> 1;  // in two steps: k reaches 128
  V s = power_of_2(half), t = power_of_2(n - half);
  V r = plus_k_log2(log1p_near_zero(fma_v(x * s, t, s * t - 1.0f)), k);
  r = w == 0 ? all(-INFINITY) : r;
  r = (w < 0) | is_nan(x) ? all(NAN) : r;
  return x == INFINITY ? x : r;
}
INLINE V expm1_v(V x) {  // near 0 by its series, elsewhere from exp
  V p = all(1.0f / 5040);
  p = fma_v(p, x, all(1.0f / 720));
  p = fma_v(p, x, all(1.0f / 120));
  p = fma_v(p, x, all(1.0f / 24));
  p = fma_v(p, x, all(1.0f / 6));
  p = fma_v(p, x, all(0.5f));
  p = fma_v(p, x * x, x);
  return abs_v(x) < 0.35f ? p : exp_v(x) - 1.0f;
}
INLINE V with_sign_of(V size, V x) { return (V)((I)size | ((I)x & (I)all_i(INT32_MIN))); }
INLINE V tanh_v(V x) {
  V a = abs_v(x), e = expm1_v(-2.0f * (a > 20.0f ? all(20.0f) : a));
  V r = with_sign_of(-e / (2.0f + e), x);
  return is_nan(x) ? x : r;
}
// atan(t) = t + t^3 q(t^2) for t in [0, 1]; beyond, pi / 2 - atan(1 / t), with pi / 2 in two parts.
INLINE V atan_v(V x) {
  V a = abs_v(x), t = a > 1 ? 1.0f / a : a, z = t * t;
  V q = all(-0.0017935939f);
  q = fma_v(q, z, all(0.0109144812f));
  q = fma_v(q, z, all(-0.0311776139f));
  q = fma_v(q, z, all(0.0579573587f));
  q = fma_v(q, z, all(-0.0840343684f));
  q = fma_v(q, z, all(0.1095218137f));
  q = fma_v(q, z, all(-0.1426424086f));
  q = fma_v(q, z, all(0.1999854892f));
  q = fma_v(q, z, all(-0.3333329856f));
  V r = fma_v(t * z, q, t);
  return with_sign_of(a > 1 ? 1.57079637f - (r + 4.37113883e-8f) : r, x);
}
// erf(x) = x + x p(x^2) below 1, and 1 - exp(q(x)) from there; both are minimax polynomials.
INLINE V erf_v(V x) {
  V a = abs_v(x), z = x * x, b = a > 4.0f ? all(4.0f) : a;
  V p = all(7.853857824e-5f);
  p = fma_v(p, z, all(-8.010192541e-4f));
  p = fma_v(p, z, all(5.188327748e-3f));
  p = fma_v(p, z, all(-2.685381100e-2f));
  p = fma_v(p, z, all(1.128358543e-1f));
  p = fma_v(p, z, all(-3.761262596e-1f));
  p = fma_v(p, z, all(1.283791661e-1f));
  V q = all(-2.169771324e-5f);
  q = fma_v(q, b, all(4.414738214e-4f));
  q = fma_v(q, b, all(-4.205290694e-3f));
  q = fma_v(q, b, all(2.521035634e-2f));
  q = fma_v(q, b, all(-1.084221229e-1f));
  q = fma_v(q, b, all(-6.332163811e-1f));
  q = fma_v(q, b, all(-1.129580379f));
  q = fma_v(q, b, all(1.884701778e-4f));
  V r = with_sign_of(1.0f - exp_v(q), x);
  return is_nan(x) ? x : a < 1 ? fma_v(x, p, x) : r;
}
// cosh and sinh from h = exp(|x| / 2), whose square is finite wherever they are
INLINE V cosh_v(V x) {
  V h = exp_v(abs_v(x) * 0.5f);
  return fma_v(0.5f * h, h, 0.5f / (h * h));
}
INLINE V sinh_v(V x) {
  V h = exp_v(abs_v(x) * 0.5f), z = x * x;
  V p = all(1.0f / 39916800);
  p = fma_v(p, z, all(1.0f / 362880));
  p = fma_v(p, z, all(1.0f / 5040));
  p = fma_v(p, z, all(1.0f / 120));
  p = fma_v(p, z, all(1.0f / 6));
  return abs_v(x) < 1.5f ? fma_v(x * z, p, x) : with_sign_of(fma_v(0.5f * h, h, -0.5f / (h * h)), x);
}
INLINE D wide(V x) { return __builtin_convertvector(x, D); }
// Compilers take comparisons of vectors this long apart into lanes; of signs they do not.
INLINE D if_negative(D t, D a, D b) {
  L m = (L)t >> 63;
  return (D)(((L)a & m) | ((L)b & ~m));
}
INLINE V each(float (*f)(float), V x) {
  V r;
  for (int i = 0; i < LANES; i++) r[i] = f(x[i]);
  return r;
}
// The sine of x + turns pi / 2, |x| <= 1e5: double precision leaves enough of x - k pi / 2.
INLINE V sine(V x, int64_t turns) {
  D d = wide(x), k = d * 0.63661977236758134 + 6755399441055744.0;
  I quarter = __builtin_convertvector((L)k + turns, I);
  V r = __builtin_convertvector(d - (k - 6755399441055744.0) * 1.5707963267948966, V), z = r * r;
  V s = all(-1.9515295891e-4f);
  s = fma_v(s, z, all(8.3321608736e-3f));
  s = fma_v(s, z, all(-1.6666654611e-1f));
  s = fma_v(r * z, s, r);
  V c = all(2.443315711809948e-5f);
  c = fma_v(c, z, all(-1.388731625493765e-3f));
  c = fma_v(c, z, all(4.166664568298827e-2f));
  c = fma_v(c, z, all(-0.5f));
  c = fma_v(c, z, all(1.0f));
  V y = (quarter & 1) != 0 ? c : s;
  return (V)((I)y ^ (I)((U)(quarter & 2) << 30));
}
INLINE V sin_v(V x) { return any(~(abs_v(x) <= 1e5f)) ? each(sinf, x) : x == 0 ? x : sine(x, 0); }
INLINE V cos_v(V x) { return any(~(abs_v(x) <= 1e5f)) ? each(cosf, x) : sine(x, 1); }
// The logarithm of a positive number in double precision: d = 2^e m with m in [sqrt(1/2), sqrt(2)).
INLINE D log_d(D d) {
  L e = ((L)d - 0x3fe6a09e667f3bcd) >> 52;
  D m = (D)((L)d - (e << 52)), s = (m - 1.0) / (m + 1.0), z = s * s, p = z * (2.0 / 23) + 2.0 / 21;
#pragma GCC unroll 10
  for (int n = 19; n > 0; n -= 2) p = p * z + 2.0 / n;
  return s * p + __builtin_convertvector(__builtin_convertvector(e, I), D) * 0.69314718055994531;
}
// x^y = exp(y log(x)) in double precision, which the product of both needs; x is 0 or positive.
INLINE V power(V x, V y) {
  D t = wide(y) * log_d(wide(x));
  t = if_negative(t + 200.0, D{} - 200.0, if_negative(200.0 - t, D{} + 200.0, t));
  D k = t * 1.4426950408889634 + 6755399441055744.0;
  D r = t - (k - 6755399441055744.0) * 0.69314718055994531;
  D q = r * (1.0 / 40320) + 1.0 / 5040;
  q = q * r + 1.0 / 720;
  q = q * r + 1.0 / 120;
  q = q * r + 1.0 / 24;
  q = q * r + 1.0 / 6;
  q = q * r + 0.5;
  q = (q * r + 1.0) * r + 1.0;
  V found = __builtin_convertvector(q * (D)(((L)k + 1023) << 52), V);
  return x == 0 ? all(0) : found;
}
INLINE V pow_v(V x, V y) {
  I usual = (x >= 0) & (x < INFINITY) & (abs_v(y) < INFINITY) & ((x > 0) | (y > 0));
  if (!any(~usual)) return power(x, y);
  V r;
  for (int i = 0; i < LANES; i++) r[i] = powf(x[i], y[i]);
  return r;
}
// Stirling's series from 8 on; below, log(gamma(x)) = log(gamma(x + n)) - log(x (x + 1) ...), in
// double precision, as both cancel near 1 and 2.
INLINE V lgamma_v(V x) {
  if (any(~((x > 0) & (x < INFINITY)))) return each(lgammaf, x);
  D z = wide(x), below = D{} + 1.0;
#pragma GCC unroll 8
  for (int i = 0; i < 8; i++) {
    below = below * if_negative(z - 8.0, z, D{} + 1.0);
    z = z + if_negative(z - 8.0, D{} + 1.0, D{});
  }
  D u = 1.0 / z, w = u * u, p = w * (1.0 / 156) - 691.0 / 360360;
  p = w * p + 1.0 / 1188;
  p = w * p - 1.0 / 1680;
  p = w * p + 1.0 / 1260;
  p = w * p - 1.0 / 360;
  p = w * p + 1.0 / 12;
  D r = (z - 0.5) * log_d(z) - z + 0.91893853320467274 + u * p - log_d(below);
  return (x == 1) | (x == 2) ? all(0) : __builtin_convertvector(r, V);
}
#define BY_LANE(name, call)                      \
  INLINE V name(V x) {                           \
    V r;                                         \
    for (int i = 0; i < LANES; i++) r[i] = call; \
    return r;                                    \
  }
BY_LANE(floor_v, __builtin_floorf(x[i]))
BY_LANE(ceil_v, __builtin_ceilf(x[i]))
BY_LANE(trunc_v, __builtin_truncf(x[i]))
BY_LANE(tan_v, tanf(x[i]))
BY_LANE(asin_v, asinf(x[i]))
BY_LANE(acos_v, acosf(x[i]))
BY_LANE(asinh_v, asinhf(x[i]))
BY_LANE(acosh_v, acoshf(x[i]))
BY_LANE(atanh_v, atanhf(x[i]))
BY_LANE(erfc_v, erfcf(x[i]))
