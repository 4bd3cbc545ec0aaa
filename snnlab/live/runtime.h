/* What compiled models call: conversions, indices, random bits, and mathematics without branches, so that loops over
 * it run in vector lanes. Errors are a few units in the last place; NaN and infinities come out as IEEE 754 says. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

/* The C library draws a stack guard at its start. Given here, so that the module needs nothing from outside. */
int __imported_wasi_snapshot_preview1_random_get(int at, int n) { return 0; }

INLINE float float_of_32(uint32_t u) { float f; memcpy(&f, &u, 4); return f; }
INLINE uint32_t bits_of_32(float f) { uint32_t u; memcpy(&u, &f, 4); return u; }
INLINE double float_of_64(uint64_t u) { double f; memcpy(&f, &u, 8); return f; }
INLINE uint64_t bits_of_64(double f) { uint64_t u; memcpy(&u, &f, 8); return u; }

/* numbers that are ordered as floats are, with -0 before 0 and NaN at the ends */
INLINE int32_t order_f32(float x) { int32_t i = (int32_t)bits_of_32(x); return i ^ ((i >> 31) & INT32_MAX); }
INLINE int64_t order_f64(double x) { int64_t i = (int64_t)bits_of_64(x); return i ^ ((i >> 63) & INT64_MAX); }

INLINE int clamp_s32(int32_t i, int32_t high) { return i < 0 ? 0 : i > high ? high : i; }
INLINE int clamp_u32(uint32_t i, uint32_t high) { return i > high ? high : i; }
INLINE int clamp_s64(int64_t i, int64_t high) { return i < 0 ? 0 : i > high ? high : i; }
INLINE int clamp_u64(uint64_t i, uint64_t high) { return i > high ? high : i; }

/* Floats to integers: cut off, NaN to 0, what does not fit to the nearest that does. LIMIT is 2^bits, exact. */
#define CONVERT(NAME, FLOAT, INT, LOW, HIGH, LIMIT) \
  INLINE INT NAME(FLOAT x) { return x != x ? 0 : x <= (FLOAT)(LOW) ? LOW : x >= (FLOAT)LIMIT ? HIGH : (INT)x; }
#define CONVERSIONS(SUFFIX, FLOAT) \
  CONVERT(to_int8_##SUFFIX, FLOAT, int8_t, INT8_MIN, INT8_MAX, 0x1p7) \
  CONVERT(to_int16_##SUFFIX, FLOAT, int16_t, INT16_MIN, INT16_MAX, 0x1p15) \
  CONVERT(to_int64_##SUFFIX, FLOAT, int64_t, INT64_MIN, INT64_MAX, 0x1p63) \
  CONVERT(to_uint8_##SUFFIX, FLOAT, uint8_t, 0, UINT8_MAX, 0x1p8) \
  CONVERT(to_uint16_##SUFFIX, FLOAT, uint16_t, 0, UINT16_MAX, 0x1p16) \
  CONVERT(to_uint64_##SUFFIX, FLOAT, uint64_t, 0, UINT64_MAX, 0x1p64)
CONVERSIONS(f32, float)
CONVERSIONS(f64, double)
#ifdef __wasm_nontrapping_fptoint__
INLINE int32_t to_int32_f32(float x) { return __builtin_wasm_trunc_saturate_s_i32_f32(x); }
INLINE int32_t to_int32_f64(double x) { return __builtin_wasm_trunc_saturate_s_i32_f64(x); }
INLINE uint32_t to_uint32_f32(float x) { return __builtin_wasm_trunc_saturate_u_i32_f32(x); }
INLINE uint32_t to_uint32_f64(double x) { return __builtin_wasm_trunc_saturate_u_i32_f64(x); }
#else
CONVERT(to_int32_f32, float, int32_t, INT32_MIN, INT32_MAX, 0x1p31)
CONVERT(to_int32_f64, double, int32_t, INT32_MIN, INT32_MAX, 0x1p31)
CONVERT(to_uint32_f32, float, uint32_t, 0, UINT32_MAX, 0x1p32)
CONVERT(to_uint32_f64, double, uint32_t, 0, UINT32_MAX, 0x1p32)
#endif

INLINE float maximum_f32(float a, float b) { return __builtin_wasm_max_f32(a, b); }
INLINE float minimum_f32(float a, float b) { return __builtin_wasm_min_f32(a, b); }
INLINE double maximum_f64(double a, double b) { return __builtin_wasm_max_f64(a, b); }
INLINE double minimum_f64(double a, double b) { return __builtin_wasm_min_f64(a, b); }

/* A sum whose order may be changed, so that partial sums run in lanes. */
INLINE float sum_f32(float a, float b) {
#pragma clang fp reassociate(on)
  return a + b;
}
INLINE double sum_f64(double a, double b) {
#pragma clang fp reassociate(on)
  return a + b;
}

/* 2^n x, for n that a single power of two may not hold */
INLINE float scaled_f32(float x, int n) {
  int half = n >> 1;
  return x * float_of_32((uint32_t)(half + 127) << 23) * float_of_32((uint32_t)(n - half + 127) << 23);
}

/* e^r - 1 - r for |r| <= ln(2) / 2: r^2 times a polynomial (Cephes) */
INLINE float exp_rest_f32(float r) {
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  return p * (r * r);
}

/* ln 2 in two parts, of which products with small integers are exact */
#define LN2_HIGH 0.693359375f
#define LN2_LOW -2.12194440e-4f

INLINE float exp_f32(float v) {
  float x = v < -104.f ? -104.f : v;
  x = x > 89.f ? 89.f : x;
  float n = __builtin_rintf(x * 1.44269504f);
  float r = x - n * LN2_HIGH - n * LN2_LOW;
  return scaled_f32(exp_rest_f32(r) + r + 1.f, x == x ? (int)n : 0);
}

INLINE float exp2_f32(float v) {
  float x = v < -151.f ? -151.f : v;
  x = x > 129.f ? 129.f : x;
  float n = __builtin_rintf(x);
  float r = (x - n) * 0.693147180559945f;
  return scaled_f32(exp_rest_f32(r) + r + 1.f, x == x ? (int)n : 0);
}

/* 2^n (e^r - 1) + (2^n - 1), whose parts are as exact as the whole */
INLINE float expm1_f32(float v) {
  float x = v < -20.f ? -20.f : v;
  x = x > 89.f ? 89.f : x;
  float n = __builtin_rintf(x * 1.44269504f);
  float r = x - n * LN2_HIGH - n * LN2_LOW;
  int k = x == x ? (int)n : 0;
  float p = exp_rest_f32(r) + r;
  float small = k < 64 ? 1.f : 0.f; /* beyond, the one does not count */
  float near = scaled_f32(p, k) + (scaled_f32(1.f, k) - small);
  return fabsf(v) < 1e-10f ? v : k > 126 ? exp_f32(v) : near;
}

/* log(1 + m) for 1/sqrt(2) - 1 <= m <= sqrt(2) - 1, plus k ln 2 (Cephes) */
INLINE float log_near_f32(float m, float k, float correction) {
  float z = m * m, p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  float r = m * z * p + k * LN2_LOW - .5f * z + correction;
  return m + r + k * LN2_HIGH;
}

INLINE float log_f32(float x) {
  int tiny = x < 1.17549435e-38f;
  float y = tiny ? x * 8388608.f : x;
  uint32_t u = bits_of_32(y);
  int e = (int)(u >> 23) - 126 - (tiny ? 23 : 0);
  float m = float_of_32((u & 0x7fffffu) | 0x3f000000u);
  int low = m < 0.70710678f;
  float r = log_near_f32(low ? m + m - 1.f : m - 1.f, (float)(e - low), 0.f);
  r = x == INFINITY ? x : r;
  return x > 0.f ? r : x == 0.f ? -INFINITY : NAN;
}

/* of 1 + x as it is rounded, and what the rounding lost relative to it */
INLINE float log1p_f32(float x) {
  float y = 1.f + x;
  float lost = x > 1.f ? 1.f - (y - x) : x - (y - 1.f);
  uint32_t u = bits_of_32(y);
  int e = (int)(u >> 23) - 126;
  float m = float_of_32((u & 0x7fffffu) | 0x3f000000u);
  int low = m < 0.70710678f;
  e -= low;
  float f = e == 0 ? x : low ? m + m - 1.f : m - 1.f;
  float r = log_near_f32(f, (float)e, e == 0 ? 0.f : lost / y);
  r = x == INFINITY ? x : r;
  r = fabsf(x) < 1e-10f ? x : r;
  return x > -1.f ? r : x == -1.f ? -INFINITY : NAN;
}

/* a quotient of polynomials (Eigen, and XLA after it) */
INLINE float tanh_f32(float v) {
  float x = v < -7.90531111f ? -7.90531111f : v;
  x = x > 7.90531111f ? 7.90531111f : x;
  float s = x * x, p = -2.76076847742355e-16f;
  p = p * s + 2.00018790482477e-13f;
  p = p * s - 8.60467152213735e-11f;
  p = p * s + 5.12229709037114e-08f;
  p = p * s + 1.48572235717979e-05f;
  p = p * s + 6.37261928875436e-04f;
  p = p * s + 4.89352455891786e-03f;
  float q = 1.19825839466702e-06f;
  q = q * s + 1.18534705686654e-04f;
  q = q * s + 2.26843463243900e-03f;
  q = q * s + 4.89352518554385e-03f;
  return fabsf(v) < 4e-4f ? v : x * p / q;
}

INLINE float logistic_f32(float x) { return 1.f / (1.f + exp_f32(-x)); }

/* Giles (2012), single precision */
INLINE float erf_inv_f32(float x) {
  float w = -log1p_f32(-x * x), a = w - 2.5f, b = sqrtf(w) - 3.f, p = 2.81022636e-08f, q = -.000200214257f;
  p = p * a + 3.43273939e-07f;
  p = p * a - 3.5233877e-06f;
  p = p * a - 4.39150654e-06f;
  p = p * a + .00021858087f;
  p = p * a - .00125372503f;
  p = p * a - .00417768164f;
  p = p * a + .246640727f;
  p = p * a + 1.50140941f;
  q = q * b + .000100950558f;
  q = q * b + .00134934322f;
  q = q * b - .00367342844f;
  q = q * b + .00573950773f;
  q = q * b - .0076224613f;
  q = q * b + .00943887047f;
  q = q * b + 1.00167406f;
  q = q * b + 2.83297682f;
  return fabsf(x) == 1.f ? x * INFINITY : (w < 5.f ? p : q) * x;
}

/* double precision: the C library's */
INLINE double exp_f64(double x) { return exp(x); }
INLINE double exp2_f64(double x) { return exp2(x); }
INLINE double expm1_f64(double x) { return expm1(x); }
INLINE double log_f64(double x) { return log(x); }
INLINE double log1p_f64(double x) { return log1p(x); }
INLINE double tanh_f64(double x) { return tanh(x); }
INLINE double logistic_f64(double x) { return 1 / (1 + exp(-x)); }

/* The Fourier transform y of x [n], whose elements lie step apart, by the smallest factor of n (Cooley and Tukey, 1965).
 * c and s are cosine and sine of 2 pi k / whole, t has room for n numbers; sign -1 is forward. */
#define FOURIER(NAME, FLOAT) \
  static void NAME(int n, int step, int whole, int sign, const FLOAT *c, const FLOAT *s, const FLOAT *xr, \
                   const FLOAT *xi, FLOAT *yr, FLOAT *yi, FLOAT *tr, FLOAT *ti) { \
    if (n == 1) { yr[0] = xr[0]; yi[0] = xi[0]; return; } \
    int p = 2; \
    while (n % p) p = p * p > n ? n : p + 1; \
    const int m = n / p; \
    for (int r = 0; r < p; r++) \
      NAME(m, step * p, whole, sign, c, s, xr + r * step, xi + r * step, yr + r * m, yi + r * m, tr, ti); \
    if (p == 2) { \
      for (int k = 0; k < m; k++) { \
        const FLOAT wr = c[k * step], wi = sign * s[k * step]; \
        const FLOAT br = yr[m + k] * wr - yi[m + k] * wi, bi = yr[m + k] * wi + yi[m + k] * wr; \
        yr[m + k] = yr[k] - br; yi[m + k] = yi[k] - bi; \
        yr[k] += br; yi[k] += bi; \
      } \
      return; \
    } \
    for (int k = 0; k < m; k++) { \
      for (int r = 0; r < p; r++) { tr[r] = yr[r * m + k]; ti[r] = yi[r * m + k]; } \
      for (int q = 0; q < p; q++) { \
        FLOAT ar = 0, ai = 0; \
        for (int r = 0; r < p; r++) { \
          const int w = (int)((int64_t)r * (k + q * m) % n) * step; \
          const FLOAT wr = c[w], wi = sign * s[w]; \
          ar += tr[r] * wr - ti[r] * wi; ai += tr[r] * wi + ti[r] * wr; \
        } \
        yr[q * m + k] = ar; yi[q * m + k] = ai; \
      } \
    } \
  }
FOURIER(fourier_f32, float)
FOURIER(fourier_f64, double)

/* Threefry-2x32 with 20 rounds (Salmon et al., 2011) */
#define ROUND(r) x += y; y = (y << r | y >> (32 - r)) ^ x;
#define ROUNDS(a, b, c, d) ROUND(a) ROUND(b) ROUND(c) ROUND(d)
#define THREEFRY \
  uint32_t k2 = k0 ^ k1 ^ 0x1BD11BDAu, x = k0, y = count + k1; \
  ROUNDS(13, 15, 26, 6) x += k1; y += k2 + 1; \
  ROUNDS(17, 29, 16, 24) x += k2; y += k0 + 2; \
  ROUNDS(13, 15, 26, 6) x += k0; y += k1 + 3; \
  ROUNDS(17, 29, 16, 24) x += k1; y += k2 + 4; \
  ROUNDS(13, 15, 26, 6) x += k2; y += k0 + 5;

INLINE void threefry(uint32_t k0, uint32_t k1, uint32_t count, uint32_t *out) { THREEFRY out[0] = x; out[1] = y; }
INLINE uint32_t threefry_32(uint32_t k0, uint32_t k1, uint32_t count) { THREEFRY return x ^ y; }
INLINE uint64_t threefry_64(uint32_t k0, uint32_t k1, uint32_t count) { THREEFRY return (uint64_t)x << 32 | y; }
