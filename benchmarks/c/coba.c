/* COBA: conductance-based E/I network of leaky integrate-and-fire cells (Brette et al. 2007), one thread, float32.
 *
 * The yardstick of the benchmark: the loop one would write by hand for this one model, with the connectivity, the
 * initial state and the parameters handed to it. Build: gcc -O3 -march=native coba.c -lm
 *
 *     coba NETWORK steps=10000 repeats=3 dt=0.1 V_rest=-60 V_reset=-60 V_th=-50 tau=20 tau_ref=5 I=20
 *          E_exc=0 E_inh=-80 tau_exc=5 tau_inh=10 g_exc=0.6 g_inh=6.7 [spikes=FILE]
 *
 * NETWORK, little-endian: int32 magic 0x4e4e5331, n, n_exc, n_synapses; int32 first[n + 1]; int32 target[n_synapses]
 * (the targets of cell i are target[first[i] .. first[i + 1]), cells 0 .. n_exc - 1 excite); float32 V0[n].
 * FILE receives int32 (step, neuron) pairs, in order. The results go to stdout as JSON: seconds of every repeat
 * (one more, untimed, comes first and touches all memory), spikes, rates in Hz over the whole run, peak memory.
 *
 * A step from t to t + dt: (1) cells with V(t) >= V_th spike, are reset and held for round(tau_ref / dt) steps,
 * this one included; (2) the conductances, having decayed by exp(-dt / tau), receive the spikes of this step;
 * (3) cells that are not held advance by exponential Euler with the conductances frozen:
 *     V += (1 - exp(-dt / tau)) (V_rest - V + I + g_exc (E_exc - V) + g_inh (E_inh - V)).
 * Conductances are relative to the leak. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAGIC = 0x4e4e5331 };

static void fail(const char *what, const char *which) {
    fprintf(stderr, "coba: %s%s\n", what, which);
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
static double steps_, repeats_, dt, V_rest_, V_reset_, V_th_, tau, tau_ref, I_;
static double E_exc_, E_inh_, tau_exc, tau_inh, g_exc_, g_inh_;
static const char *spikes_file;
static const struct { const char *name; double *value; } PARAMETERS[] = {
    {"steps", &steps_}, {"repeats", &repeats_}, {"dt", &dt}, {"V_rest", &V_rest_}, {"V_reset", &V_reset_},
    {"V_th", &V_th_}, {"tau", &tau}, {"tau_ref", &tau_ref}, {"I", &I_}, {"E_exc", &E_exc_}, {"E_inh", &E_inh_},
    {"tau_exc", &tau_exc}, {"tau_inh", &tau_inh}, {"g_exc", &g_exc_}, {"g_inh", &g_inh_},
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

int main(int argc, char **argv) {
    if (argc < 2) fail("usage: coba NETWORK name=value ...", "");
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

    const float V_rest = V_rest_, V_reset = V_reset_, V_th = V_th_, I = I_, E_exc = E_exc_, E_inh = E_inh_;
    const float weight_exc = g_exc_, weight_inh = g_inh_;
    const float alpha = 1 - exp(-dt / tau), decay_exc = exp(-dt / tau_exc), decay_inh = exp(-dt / tau_inh);
    const int32_t hold = (int32_t)lround(tau_ref / dt), steps = (int32_t)steps_, repeats = (int32_t)repeats_;

    float *restrict V = array(n, 4), *restrict g_exc = array(n, 4), *restrict g_inh = array(n, 4);
    int32_t *restrict held = array(n, 4); /* steps a cell is still held; negative when it is long free */
    uint8_t *restrict fired = array(n, 1);
    double *seconds = array(repeats, sizeof *seconds);

    for (int32_t repeat = -1; repeat < repeats; repeat++) { /* -1: the untimed one */
        const double start = now();
        n_spikes = 0;
        memset(g_exc, 0, n * sizeof *g_exc);
        memset(g_inh, 0, n * sizeof *g_inh);
        for (int32_t i = 0; i < n; i++) { /* V(0) meets the threshold like any other */
            fired[i] = V0[i] >= V_th;
            V[i] = fired[i] ? V_reset : V0[i];
            held[i] = fired[i] ? hold : 0;
        }
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
            /* V to t + dt, and in the same pass everything about a cell that the next step needs: its conductances
             * decayed, its threshold read, its reset */
            for (int32_t i = 0; i < n; i++) {
                const float drive = I + g_exc[i] * (E_exc - V[i]) + g_inh[i] * (E_inh - V[i]);
                const float moved = V[i] + alpha * (V_rest - V[i] + drive);
                const float next = held[i] > 0 ? V[i] : moved;
                const int32_t spike = next >= V_th;
                V[i] = spike ? V_reset : next;
                held[i] = spike ? hold : held[i] - 1;
                fired[i] = (uint8_t)spike;
                g_exc[i] *= decay_exc;
                g_inh[i] *= decay_inh;
            }
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
