/* COBA-HH: the E/I network of Hodgkin-Huxley cells (benchmark 3 of Brette et al. 2007), one thread, float32.
 *
 * The yardstick of the benchmark: the loop one would write by hand for this one model, with the connectivity, the
 * initial state and the parameters handed to it. Build: gcc -O3 -march=native hh.c -lm
 *
 *     hh NETWORK steps=10000 repeats=3 dt=0.1 C=200 g_L=10 g_Na=20000 g_K=6000 E_L=-60 E_Na=50 E_K=-90 V_T=-63
 *        V_spike=-20 I=0 E_exc=0 E_inh=-80 tau_exc=5 tau_inh=10 g_exc=6 g_inh=67 [spikes=FILE]
 *
 * NETWORK, little-endian: int32 magic 0x4e4e5331, n, n_exc, n_synapses; int32 first[n + 1]; int32 target[n_synapses]
 * (the targets of cell i are target[first[i] .. first[i + 1]), cells 0 .. n_exc - 1 excite); float32 V0[n].
 * FILE receives int32 (step, neuron) pairs, in order. The results go to stdout as JSON: seconds of every repeat
 * (one more, untimed, comes first and touches all memory), spikes, rates in Hz over the whole run, peak memory.
 *
 * A step from t to t + dt: (1) cells whose V(t) is at V_spike or above, and whose V(t - dt) was not, spike; (2) the
 * conductances, having decayed by exp(-dt / tau), receive the spikes of this step; (3) every variable for itself goes
 * to its steady state exponentially, V with the conductances at t, the gates m, h and n of Traub & Miles (1991) with
 * the rates at V(t). Gates start at 0, and a cell that starts above V_spike has not crossed it. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAGIC = 0x4e4e5331 };

static void fail(const char *what, const char *which) {
    fprintf(stderr, "hh: %s%s\n", what, which);
    exit(1);
}

/* 64-byte aligned, a whole number of 64-byte lines, zeroed: the padding is read by the eight-at-a-time search. */
static void *array(size_t count, size_t size) {
    size_t bytes = (count * size + 63) / 64 * 64;
    void *p = aligned_alloc(64, bytes ? bytes : 64);
    if (!p) fail("out of memory", "");
    return memset(p, 0, bytes);
}

static void load(FILE *file, void *into, size_t count) {
    if (fread(into, 4, count, file) != count) fail("the network file is too short", "");
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
static double steps_, repeats_, dt, C_, g_L_, g_Na_, g_K_, E_L_, E_Na_, E_K_, V_T_, V_spike_, I_;
static double E_exc_, E_inh_, tau_exc, tau_inh, g_exc_, g_inh_;
static const char *spikes_file;
static const struct { const char *name; double *value; } PARAMETERS[] = {
    {"steps", &steps_}, {"repeats", &repeats_}, {"dt", &dt}, {"C", &C_}, {"g_L", &g_L_}, {"g_Na", &g_Na_},
    {"g_K", &g_K_}, {"E_L", &E_L_}, {"E_Na", &E_Na_}, {"E_K", &E_K_}, {"V_T", &V_T_}, {"V_spike", &V_spike_},
    {"I", &I_}, {"E_exc", &E_exc_}, {"E_inh", &E_inh_}, {"tau_exc", &tau_exc}, {"tau_inh", &tau_inh},
    {"g_exc", &g_exc_}, {"g_inh", &g_inh_},
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

/* x / (e^x - 1), whose limit at 0 is 1. */
static inline float relative(float x, float exp_x) {
    const int small = fabsf(x) < 0.03f;
    const float quotient = x / (small ? 1.0f : exp_x - 1.0f);
    return small ? 1.0f + x * (-0.5f + x * (1.0f / 12)) : quotient;
}

/* A gate after dt: exactly, for the rates alpha and beta. */
static inline float gate(float x, float alpha, float beta, float step) {
    const float sum = alpha + beta, steady = alpha / sum;
    return steady + (x - steady) * exponential(-step * sum);
}

/* All cells from t to t + dt, and in the same pass their conductances decayed and their crossings read. */
static void advance(int32_t n, float *restrict V, float *restrict gate_m, float *restrict gate_h, float *restrict gate_n,
                    float *restrict g_exc, float *restrict g_inh, uint8_t *restrict fired) {
    const float g_L = g_L_, g_Na = g_Na_, g_K = g_K_, E_L = E_L_, E_Na = E_Na_, E_K = E_K_, V_T = V_T_, I = I_;
    const float V_spike = V_spike_, E_exc = E_exc_, E_inh = E_inh_, step = dt, over_C = dt / C_;
    const float decay_exc = exp(-dt / tau_exc), decay_inh = exp(-dt / tau_inh);
    for (int32_t i = 0; i < n; i++) {
        const float v = V[i], u = v - V_T, m = gate_m[i], h = gate_h[i], k = gate_n[i];
        const float Na = g_Na * (m * m * m * h), K = g_K * (k * k * k * k);
        const float g = g_L + Na + K + g_exc[i] + g_inh[i];
        const float drive = I + g_L * E_L + Na * E_Na + K * E_K + g_exc[i] * E_exc + g_inh[i] * E_inh;
        const float steady = drive / g, next = steady + (v - steady) * exponential(-over_C * g);
        const float falling = exponential((40 - u) / 5), x = (13 - u) / 4, y = (u - 40) / 5, z = (15 - u) / 5;
        gate_m[i] = gate(m, 1.28f * relative(x, exponential(x)), 1.4f * relative(y, 1 / falling), step);
        gate_h[i] = gate(h, 0.128f * exponential((17 - u) / 18), 4 / (1 + falling), step);
        gate_n[i] = gate(k, 0.16f * relative(z, exponential(z)), 0.5f * exponential((10 - u) / 40), step);
        V[i] = next;
        fired[i] = (uint8_t)((next >= V_spike) & (v < V_spike));
        g_exc[i] *= decay_exc;
        g_inh[i] *= decay_inh;
    }
}

int main(int argc, char **argv) {
    if (argc < 2) fail("usage: hh NETWORK name=value ...", "");
    read_parameters(argc - 2, argv + 2);
    FILE *file = fopen(argv[1], "rb");
    if (!file) fail("cannot open ", argv[1]);
    int32_t header[4];
    load(file, header, 4);
    if (header[0] != MAGIC) fail("not a network file: ", argv[1]);
    const int32_t n = header[1], n_exc = header[2], n_synapses = header[3];
    int32_t *restrict first = array(n + 1, 4), *restrict target = array(n_synapses, 4);
    float *restrict V0 = array(n, 4);
    load(file, first, n + 1);
    load(file, target, n_synapses);
    load(file, V0, n);
    fclose(file);

    const float weight_exc = g_exc_, weight_inh = g_inh_;
    const int32_t steps = (int32_t)steps_, repeats = (int32_t)repeats_;

    float *restrict V = array(n, 4), *restrict g_exc = array(n, 4), *restrict g_inh = array(n, 4);
    float *restrict gate_m = array(n, 4), *restrict gate_h = array(n, 4), *restrict gate_n = array(n, 4);
    uint8_t *restrict fired = array(n, 1);
    double *seconds = array(repeats, sizeof *seconds);

    for (int32_t repeat = -1; repeat < repeats; repeat++) { /* -1: the untimed one */
        const double start = now();
        n_spikes = 0;
        memcpy(V, V0, n * sizeof *V);
        memset(gate_m, 0, n * sizeof *gate_m);
        memset(gate_h, 0, n * sizeof *gate_h);
        memset(gate_n, 0, n * sizeof *gate_n);
        memset(g_exc, 0, n * sizeof *g_exc);
        memset(g_inh, 0, n * sizeof *g_inh);
        memset(fired, 0, n);
        for (int32_t step = 0; step < steps; step++) {
            /* who spiked: few do, so eight flags are looked at together */
            reserve(n);
            const size_t begin = n_spikes;
            for (int32_t i = 0; i < n; i += 8) {
                uint64_t any;
                memcpy(&any, fired + i, 8);
                for (; any; any &= any - 1) { /* each flag is one byte, 0 or 1: one set bit */
                    spikes[2 * n_spikes] = step;
                    spikes[2 * n_spikes + 1] = i + __builtin_ctzll(any) / 8;
                    n_spikes++;
                }
            }
            /* their spikes arrive at once: the delay is 0 */
            for (size_t k = begin; k < n_spikes; k++) {
                const int32_t pre = spikes[2 * k + 1];
                float *restrict g = pre < n_exc ? g_exc : g_inh;
                const float weight = pre < n_exc ? weight_exc : weight_inh;
                for (int32_t s = first[pre]; s < first[pre + 1]; s++) g[target[s]] += weight;
            }
            advance(n, V, gate_m, gate_h, gate_n, g_exc, g_inh, fired);
        }
        if (repeat >= 0) seconds[repeat] = now() - start;
    }

    size_t n_spikes_exc = 0;
    for (size_t k = 0; k < n_spikes; k++) n_spikes_exc += spikes[2 * k + 1] < n_exc;
    if (spikes_file) {
        FILE *out = fopen(spikes_file, "wb");
        if (!out || fwrite(spikes, 8, n_spikes, out) != n_spikes || fclose(out)) fail("cannot write ", spikes_file);
    }
    const double T = steps * dt * 1e-3;
    printf("{\"seconds\": [");
    for (int32_t repeat = 0; repeat < repeats; repeat++) printf("%s%.9f", repeat ? ", " : "", seconds[repeat]);
    printf("], \"spikes\": %zu, \"rate_exc\": %.6f, \"rate_inh\": %.6f, \"peak_bytes\": %lld}\n", n_spikes,
           n_exc ? (double)n_spikes_exc / n_exc / T : 0.0,
           n > n_exc ? (double)(n_spikes - n_spikes_exc) / (n - n_exc) / T : 0.0, peak_bytes());
    return 0;
}
