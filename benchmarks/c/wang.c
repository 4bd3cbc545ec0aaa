/* Wang (2002): the decision network of leaky integrate-and-fire cells with slow recurrent NMDA, one thread, float32.
 *
 * The yardstick of the benchmark: the loop one would write by hand for this one model. All cells of a population get
 * the same recurrent input, so that a synapse is a sum over each population, and only NMDA keeps a state per
 * presynaptic cell. Build: gcc -O3 -march=native -fopenmp-simd wang.c -lm
 *
 *     wang name=value ... [spikes=FILE]     (the names are below; each must be given)
 *
 * FILE receives int32 (step, neuron) pairs, in order; cells 0 .. n_A - 1 are pool A, then come B, N (the
 * non-selective cells) and I (the interneurons). The results go to stdout as JSON: seconds of every repeat (one more,
 * untimed, comes first and touches all memory; every repeat is a new trial), spikes and rates in Hz of the last
 * trial, peak memory.
 *
 * A step from t to t + dt: (1) cells with V(t) >= V_th spike, are reset and held for round(tau_ref / dt) steps, this
 * one included; (2) spikes of round(delay / dt) steps ago arrive, and so do the external ones: a Poisson number a
 * cell, of mean rate dt; (3) V of cells that are not held advances by exponential Euler with the conductances frozen,
 * AMPA, GABA and x decay exactly, and ds/dt = -s / tau_NMDA + alpha x (1 - s) by Euler.
 * From `start` to `stop` the external rate of pool A is larger by max(0, mu_0 (1 + coherence) + sigma xi), that of B
 * by the same with -coherence; the standard normal xi are redrawn every `interval` ms. Conductances are in nS; the
 * recurrent ones are those of one synapse. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void fail(const char *what, const char *which) {
    fprintf(stderr, "wang: %s%s\n", what, which);
    exit(1);
}

/* 64-byte aligned, a whole number of 64-byte lines, zeroed: the padding is read by the eight-at-a-time search. */
static void *array(size_t count, size_t size) {
    size_t bytes = (count * size + 63) / 64 * 64;
    void *p = aligned_alloc(64, bytes ? bytes : 64);
    if (!p) fail("out of memory", "");
    return memset(p, 0, bytes);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Peak resident memory. Not getrusage: its figure starts from the process that started this one. */
static long long peak_bytes(void) {
    char line[256];
    long long kilobytes = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %lld kB", &kilobytes) == 1) break;
    if (status) fclose(status);
    return 1024 * kilobytes;
}

/* -- parameters: name=value, each exactly as named here, none left out ------------------------------------------ */
static struct { double steps, repeats, seed, n_A, n_B, n_N, n_I, dt, delay, V_rest, V_reset, V_th, C_E, C_I, g_L_E,
    g_L_I, tau_ref_E, tau_ref_I, E_exc, E_inh, Mg, tau_AMPA, tau_NMDA, tau_rise, tau_GABA, alpha, w_plus, w_minus,
    g_ext_E, g_ext_I, g_AMPA_E, g_AMPA_I, g_NMDA_E, g_NMDA_I, g_GABA_E, g_GABA_I, rate, coherence, mu_0, sigma,
    interval, start, stop; } p;
static const char *spikes_file;
#define P(name) {#name, &p.name}
static const struct { const char *name; double *value; } PARAMETERS[] = {
    P(steps), P(repeats), P(seed), P(n_A), P(n_B), P(n_N), P(n_I), P(dt), P(delay), P(V_rest), P(V_reset),
    P(V_th), P(C_E), P(C_I), P(g_L_E), P(g_L_I), P(tau_ref_E), P(tau_ref_I), P(E_exc), P(E_inh), P(Mg),
    P(tau_AMPA), P(tau_NMDA), P(tau_rise), P(tau_GABA), P(alpha), P(w_plus), P(w_minus), P(g_ext_E), P(g_ext_I),
    P(g_AMPA_E), P(g_AMPA_I), P(g_NMDA_E), P(g_NMDA_I), P(g_GABA_E), P(g_GABA_I), P(rate), P(coherence),
    P(mu_0), P(sigma), P(interval), P(start), P(stop),
};
enum { N_PARAMETERS = sizeof PARAMETERS / sizeof *PARAMETERS };

static void read_parameters(int count, char **words) {
    for (int k = 0; k < N_PARAMETERS; k++) *PARAMETERS[k].value = NAN;
    for (int w = 0; w < count; w++) {
        char *equals = strchr(words[w], '='), *end;
        if (!equals) fail("expected name=value, not ", words[w]);
        *equals = 0;
        if (!strcmp(words[w], "spikes")) { spikes_file = equals + 1; continue; }
        int k = 0;
        while (k < N_PARAMETERS && strcmp(words[w], PARAMETERS[k].name)) k++;
        if (k == N_PARAMETERS) fail("unknown parameter ", words[w]);
        *PARAMETERS[k].value = strtod(equals + 1, &end);
        if (*end || end == equals + 1) fail("not a number: ", words[w]);
    }
    for (int k = 0; k < N_PARAMETERS; k++)
        if (isnan(*PARAMETERS[k].value)) fail("missing parameter ", PARAMETERS[k].name);
}

/* -- the spikes of a run: (step, neuron) pairs in a buffer that grows ------------------------------------------- */
static int32_t *spikes;
static size_t n_spikes, spike_capacity;

static void reserve(size_t more) {
    if (n_spikes + more <= spike_capacity) return;
    spike_capacity = 2 * (n_spikes + more);
    spikes = realloc(spikes, spike_capacity * 2 * sizeof *spikes);
    if (!spikes) fail("out of memory", "");
}

/* e^x to 2 units in the last place, in operations that the compiler turns into vectors: 2^k times a polynomial. */
static inline float exponential(float x) {
    x = x < -87.0f ? -87.0f : x; /* not fmaxf: its rule for NaN keeps it out of vectors */
    x = x > 88.0f ? 88.0f : x;
    const float k = rintf(x * 1.44269504f);
    const float f = fmaf(k, 1.42860677e-6f, fmaf(k, -0.693145752f, x)); /* x - k ln 2, ln 2 in two parts */
    float p = fmaf(f, 1.9875691e-4f, 1.3981999e-3f);
    p = fmaf(p, f, 8.3334519e-3f);
    p = fmaf(p, f, 4.1665796e-2f);
    p = fmaf(p, f, 1.6666665e-1f);
    p = fmaf(p, f, 0.5f);
    p = fmaf(p, f * f, f + 1.0f);
    union { float value; int32_t bits; } scaled = {.value = p};
    scaled.bits += (int32_t)k * (1 << 23);
    return scaled.value;
}

/* -- random numbers: xorshift, one state a cell, and one more for what the cells share ---------------------------- */
static inline uint32_t next_word(uint32_t word) {
    word ^= word << 13;
    word ^= word >> 17;
    return word ^ word << 5;
}

static double normal(uint32_t *word) {
    const double u = ((*word = next_word(*word)) + 0.5) / 4294967296.0;
    const double v = ((*word = next_word(*word)) + 0.5) / 4294967296.0;
    return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

enum { TERMS = 6 }; /* more spikes in a step have a probability below 2^-32 up to a mean of 0.15 */

/* Of a Poisson number with this mean: a random word above threshold[k] means more than k. */
static void thresholds(double mean, uint32_t threshold[TERMS]) {
    double term = exp(-mean), sum = term;
    for (int k = 0; k < TERMS; k++, term *= mean / k, sum += term) threshold[k] = (uint32_t)fmin(sum * 4294967296.0, 4294967295.0);
}

/* -- a population, and what all its cells have in common in one step ---------------------------------------------- */
typedef struct {
    int32_t first, n, hold;
    float alpha, R, g_ext;                /* 1 - exp(-dt / tau), 1 / g_L, external conductance */
    float AMPA, NMDA, GABA;               /* recurrent conductances, summed over all synapses */
    uint32_t threshold[TERMS];            /* of the external spikes */
} Population;

static float decay_AMPA, decay_GABA, decay_rise, decay_NMDA, growth, remaining; /* of one step */

/* The cells of a population from t to t + dt, and in the same pass their thresholds read and their resets done. */
static void advance(const Population *pop, uint32_t *restrict word, float *restrict ext, float *restrict V,
                    int32_t *restrict held, uint8_t *restrict fired) {
    const Population q = *pop;
    const float V_rest = p.V_rest, V_reset = p.V_reset, V_th = p.V_th, E_exc = p.E_exc, E_inh = p.E_inh;
    const float decay = decay_AMPA, left = remaining, Mg = p.Mg / 3.57;
    for (int32_t i = q.first; i < q.first + q.n; i++) {
        const uint32_t u = next_word(word[i]);
        int32_t arrived = 0;
        for (int k = 0; k < TERMS; k++) arrived += u > q.threshold[k];
        const float s = ext[i] * decay + left * (float)arrived, v = V[i];
        const float exc = q.g_ext * s + q.AMPA + q.NMDA / (1 + Mg * exponential(-0.062f * v));
        const float I = exc * (E_exc - v) + q.GABA * (E_inh - v);
        const float moved = v + q.alpha * (V_rest - v + q.R * I);
        const float next = held[i] > 0 ? v : moved;
        const int32_t spike = next >= V_th;
        word[i] = u;
        ext[i] = s;
        V[i] = spike ? V_reset : next;
        held[i] = spike ? q.hold : held[i] - 1;
        fired[i] = (uint8_t)spike;
    }
}

/* The NMDA gates of n presynaptic cells: their sum at t, and then each from t to t + dt. */
static float gates(int32_t n, float *restrict s, float *restrict x) {
    const float decay_s = decay_NMDA, decay_x = decay_rise, up = growth;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int32_t i = 0; i < n; i++) {
        sum += s[i];
        s[i] = s[i] * decay_s + up * x[i] * (1 - s[i]);
        x[i] *= decay_x;
    }
    return sum;
}

int main(int argc, char **argv) {
    read_parameters(argc - 1, argv + 1);
    const int32_t steps = (int32_t)p.steps, repeats = (int32_t)p.repeats, delay = (int32_t)lround(p.delay / p.dt);
    const int32_t start_step = (int32_t)lround(p.start / p.dt), stop_step = (int32_t)lround(p.stop / p.dt);
    const int32_t redraw = (int32_t)lround(p.interval / p.dt);
    const int32_t first[] = {0, p.n_A, p.n_A + p.n_B, p.n_A + p.n_B + p.n_N, p.n_A + p.n_B + p.n_N + p.n_I};
    const int32_t n_E = first[3], n = first[4];
    if (delay < 1) fail("a delay of one step at least is needed", "");

    uint32_t *restrict word = array(n, 4), shared;
    float *restrict V = array(n, 4), *restrict ext = array(n, 4), *restrict s = array(n_E, 4), *restrict x = array(n_E, 4);
    int32_t *restrict held = array(n, 4); /* steps a cell is still held; negative when it is long free */
    uint8_t *restrict fired = array(n, 1);
    double *seconds = array(repeats, sizeof *seconds);
    float (*sums)[7] = array(delay, sizeof *sums); /* of the last steps: AMPA of A, B, N; NMDA of A, B, N; GABA */
    decay_AMPA = exp(-p.dt / p.tau_AMPA), decay_GABA = exp(-p.dt / p.tau_GABA);
    decay_NMDA = exp(-p.dt / p.tau_NMDA), decay_rise = exp(-p.dt / p.tau_rise), growth = p.dt * p.alpha;
    remaining = (1 - exp(-p.dt / p.tau_AMPA)) * p.tau_AMPA / p.dt;
    const float w_plus = p.w_plus, w_minus = p.w_minus;
    Population pops[4];
    for (int j = 0; j < 4; j++) {
        const double C = j < 3 ? p.C_E : p.C_I, g_L = j < 3 ? p.g_L_E : p.g_L_I;
        const double tau_ref = j < 3 ? p.tau_ref_E : p.tau_ref_I;
        pops[j] = (Population){.first = first[j], .n = first[j + 1] - first[j], .hold = (int32_t)lround(tau_ref / p.dt),
                               .alpha = 1 - exp(-p.dt * g_L / C), .R = 1 / g_L, .g_ext = j < 3 ? p.g_ext_E : p.g_ext_I};
    }
#ifdef __SSE__
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040); /* numbers below 1e-38 are 0: a silent cell has many */
#endif

    shared = (uint32_t)p.seed * 2654435761u + 1u;
    for (int k = 0; k < 16; k++) shared = next_word(shared);
    for (int32_t repeat = -1; repeat < repeats; repeat++) { /* -1: the untimed one */
        const double begun = now();
        n_spikes = 0;
        for (int32_t i = 0; i < n; i++) {
            word[i] = shared = next_word(shared * 747796405u + 2891336453u) | 1u;
            V[i] = p.V_rest;
        }
        memset(ext, 0, n * sizeof *ext);
        memset(s, 0, n_E * sizeof *s);
        memset(x, 0, n_E * sizeof *x);
        memset(held, 0, n * sizeof *held);
        memset(fired, 0, n);
        memset(sums, 0, delay * sizeof *sums);
        float now_[7] = {0};
        for (int j = 0; j < 4; j++) thresholds(p.rate * p.dt * 1e-3, pops[j].threshold);
        for (int32_t step = 0; step < steps; step++) {
            if (step >= start_step && step < stop_step && (step - start_step) % redraw == 0)
                for (int j = 0; j < 2; j++) {
                    const double mean = p.mu_0 * (1 + (j ? -p.coherence : p.coherence)) + p.sigma * normal(&shared);
                    thresholds((p.rate + fmax(0, mean)) * p.dt * 1e-3, pops[j].threshold);
                }
            if (step == stop_step)
                for (int j = 0; j < 2; j++) thresholds(p.rate * p.dt * 1e-3, pops[j].threshold);
            /* who spiked: few do, so eight flags are looked at together */
            reserve(n);
            for (int j = 0; j < 3; j++) now_[j] *= decay_AMPA;
            now_[6] *= decay_GABA;
            for (int32_t i = 0; i < n; i += 8) {
                uint64_t any;
                memcpy(&any, fired + i, 8);
                for (; any; any &= any - 1) { /* each flag is one byte, 0 or 1: one set bit */
                    const int32_t pre = i + __builtin_ctzll(any) / 8;
                    spikes[2 * n_spikes] = step;
                    spikes[2 * n_spikes + 1] = pre;
                    n_spikes++;
                    if (pre < n_E) x[pre] += 1;
                    now_[pre < first[1] ? 0 : pre < first[2] ? 1 : pre < n_E ? 2 : 6] += 1;
                }
            }
            for (int j = 0; j < 3; j++) now_[3 + j] = gates(pops[j].n, s + first[j], x + first[j]);
            /* the sums of `delay` steps ago make room for those of this step */
            float then[7];
            memcpy(then, sums[step % delay], sizeof then);
            memcpy(sums[step % delay], now_, sizeof now_);
            const float *AMPA = then, *NMDA = then + 3, all_AMPA = AMPA[0] + AMPA[1] + AMPA[2];
            const float all_NMDA = NMDA[0] + NMDA[1] + NMDA[2];
            for (int j = 0; j < 4; j++) {
                const float own = w_plus - w_minus, rest = j < 2 ? w_minus : 1;
                pops[j].AMPA = (j < 3 ? p.g_AMPA_E : p.g_AMPA_I) * (rest * all_AMPA + (j < 2 ? own * AMPA[j] : 0));
                pops[j].NMDA = (j < 3 ? p.g_NMDA_E : p.g_NMDA_I) * (rest * all_NMDA + (j < 2 ? own * NMDA[j] : 0));
                pops[j].GABA = (j < 3 ? p.g_GABA_E : p.g_GABA_I) * then[6];
                advance(&pops[j], word, ext, V, held, fired);
            }
        }
        if (repeat >= 0) seconds[repeat] = now() - begun;
    }

    size_t counts[4] = {0};
    for (size_t k = 0; k < n_spikes; k++) {
        const int32_t i = spikes[2 * k + 1];
        counts[i < first[1] ? 0 : i < first[2] ? 1 : i < n_E ? 2 : 3]++;
    }
    if (spikes_file) {
        FILE *out = fopen(spikes_file, "wb");
        if (!out || fwrite(spikes, 8, n_spikes, out) != n_spikes || fclose(out)) fail("cannot write ", spikes_file);
    }
    const double T = steps * p.dt * 1e-3;
    printf("{\"seconds\": [");
    for (int32_t repeat = 0; repeat < repeats; repeat++) printf("%s%.9f", repeat ? ", " : "", seconds[repeat]);
    printf("], \"spikes\": %zu, \"rate_exc\": %.6f", n_spikes, (double)(counts[0] + counts[1] + counts[2]) / n_E / T);
    for (int j = 0; j < 4; j++)
        printf(", \"rate_%s\": %.6f", (const char *[]){"A", "B", "N", "inh"}[j],
               pops[j].n ? (double)counts[j] / pops[j].n / T : 0.0);
    printf(", \"peak_bytes\": %lld}\n", peak_bytes());
    return 0;
}
