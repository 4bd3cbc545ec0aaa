"""Parameters: declared once, checked everywhere, with errors that name what is wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnlab
from snnlab.connectivity import FixedProbability, Matrix
from snnlab.distributions import Normal, Uniform
from snnlab.inputs import Constant, GaussianNoise, Sections, SpikeTimes
from snnlab.neurons import HH, LIF, AdEx, Izhikevich
from snnlab.parameters import describe, param, replace
from snnlab.synapses import Conductance, Current, Exponential, Synapse


@pytest.mark.parametrize("tau", [0.0, -1.0, float("nan"), float("inf")])
def test_a_time_constant_must_be_above_zero_and_finite(tau):
    with pytest.raises(ValueError, match=r"LIF: tau = .* must be above 0"):
        LIF(tau=tau)


@pytest.mark.parametrize("value", ["20", None, True, [[1.0, "x"]], 1 + 2j])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ValueError, match="LIF: tau must be a number in ms"):
        LIF(tau=value)


def test_threshold_must_lie_above_reset():
    with pytest.raises(ValueError, match="V_th = -60.0 mV must be above V_reset = -50.0 mV"):
        LIF(V_th=-60.0, V_reset=-50.0)


def test_an_unknown_parameter_offers_the_nearest_name():
    with pytest.raises(ValueError, match='LIF has no parameter "tua".*"tau"'):
        LIF(tua=10.0)
    with pytest.raises(ValueError, match='coba_ei has no parameter "g_ihn".*"g_inh"'):
        snnlab.models.coba_ei(g_ihn=3.0)


def test_whole_numbers_and_ranges_of_a_model_function():
    with pytest.raises(ValueError, match="coba_ei: n_exc = 10.5 must be a whole number"):
        snnlab.models.coba_ei(n_exc=10.5)
    with pytest.raises(
        ValueError, match="coba_ei: p = 1.2 is not allowed; it must be at least 0 and at most 1"
    ):
        snnlab.models.coba_ei(p=1.2)


def test_parameters_are_leaves_and_structure_is_not():
    cell = LIF(tau=7.0)
    doubled = jax.tree.map(lambda x: 2 * x, cell)
    assert doubled.tau == 14.0 and doubled.soft_reset is False
    assert jax.tree.structure(LIF(soft_reset=True)) != jax.tree.structure(cell)
    assert jax.jit(lambda c: c.tau)(cell) == 7.0
    assert jax.grad(lambda c: c.tau**2)(cell).tau == pytest.approx(14.0)


def test_changing_a_leaf_does_not_trace_again():
    traced = []

    @jax.jit
    def f(cell):
        traced.append(1)
        return cell.V_rest + cell.tau

    for tau in (1.0, 2, np.float32(3.0), jnp.asarray(4.0)):
        f(jax.tree.map(jnp.float32, LIF(tau=tau)))
    assert len(traced) == 1


def test_replace_checks_like_the_constructor():
    assert replace(LIF(), tau=3.0).tau == 3.0
    assert replace(LIF(soft_reset=True), tau=3.0).soft_reset
    with pytest.raises(ValueError, match="tau"):
        replace(LIF(), tau=-3.0)
    with pytest.raises(ValueError, match='"taau"'):
        replace(LIF(), taau=-3.0)


def test_describe_tells_defaults_of_a_class_and_values_of_an_object():
    by_name = {p.name: p for p in describe(LIF)}
    assert by_name["tau"].default == 20.0 and by_name["tau"].unit == "ms" and by_name["tau"].doc
    assert {p.name: p.default for p in describe(LIF(tau=3.0))}["tau"] == 3.0
    assert {p.name: p.default for p in describe(snnlab.models.coba_ei)}["g_inh"] == 6.7
    with pytest.raises(ValueError, match="declares no parameters"):
        describe(42)


def test_components_are_frozen():
    with pytest.raises(AttributeError):
        LIF().tau = 3.0


def test_a_model_function_shows_its_defaults_to_help():
    import inspect

    signature = inspect.signature(snnlab.models.coba_ei)
    assert signature.parameters["g_inh"].default == 6.7


def test_arrays_are_parameters_one_a_cell_but_not_where_one_number_is_needed():
    assert LIF(tau=np.array([1.0, 2.0])).tau.shape == (2,)
    with pytest.raises(ValueError, match="Exponential: tau must be one number"):
        Exponential(np.array([1.0, 2.0]))


def test_users_declare_models_of_their_own():
    @snnlab.model
    def mine(*, a: float = param(2.0, unit="mV", doc="size", bounds=(0.0, 5.0))):
        return a

    assert mine() == 2.0 and mine(a=3) == 3.0
    with pytest.raises(ValueError, match="mine: a = 7 mV is not allowed"):
        mine(a=7)


def test_a_component_inherits_declarations():
    """Parameters, ranges, static fields and checks of its base; a redeclared one counts."""

    @snnlab.component
    class Slow(LIF):
        tau: float = param(80.0, unit="ms", doc="membrane time constant", bounds=(50.0, 200.0))
        extra: float = param(1.0, unit="mV", doc="one more")

    names = [p.name for p in describe(LIF)]
    assert [p.name for p in describe(Slow)] == [*names, "extra"]
    assert Slow().tau == 80.0 and Slow().R == 1.0 and Slow(extra=3).extra == 3.0 and LIF().tau == 20.0
    for wrong, message in (
        ({"tau": 20.0}, "Slow: tau = 20 ms is not allowed; it must be at least 50"),
        ({"R": -1.0}, "Slow: R = -1 GOhm"),
        ({"R": "x"}, "Slow: R must be a number in GOhm"),
        ({"V_th": -70.0}, "V_th = -70.0 mV must be above"),
        ({"tua": 70.0}, 'Slow has no parameter "tua"'),
    ):
        with pytest.raises(ValueError, match=message):
            Slow(**wrong)
    assert jax.tree.map(lambda x: 2 * x, Slow(extra=3.0)).extra == 6.0
    net = snnlab.Network({"E": snnlab.Population(Slow(), 3)}, inputs=[snnlab.Input("E", Constant(20.0))])
    # V_rest + 20 (1 - e^{-t / 80}) reaches the threshold 10 mV above rest at 80 ln 2 ms
    assert snnlab.simulate(net, duration=60.0).spikes["E"].times[0] == pytest.approx(80 * np.log(2), abs=0.11)


def test_a_parameter_without_a_type_is_refused():
    with pytest.raises(TypeError, match="'a' is a field but has no type annotation"):

        @snnlab.component
        class Odd:
            a = param(1.0, doc="forgotten")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: LIF(integrator=3.0),
            "LIF: integrator = 3.0 must be a function such as integrators.implicit",
        ),
        (lambda: LIF(integrator={}), "LIF: integrator = {} is not allowed"),
        (lambda: LIF(soft_reset="x"), "LIF: soft_reset = 'x' must be True or False"),
        (lambda: HH(steady=1), "HH: steady = 1 must be True or False"),
        (
            lambda: FixedProbability(0.1, autapses=None),
            "FixedProbability: autapses = None must be True or False",
        ),
        (lambda: snnlab.models.coba_ei(n_exc=[500, 500]), "coba_ei: n_exc must be one number, not an array"),
        (lambda: snnlab.models.lif_ei(p=[0.1, 0.2]), "lif_ei: p must be one number, not an array"),
        (
            lambda: snnlab.models.coba_ei(4000),
            "coba_ei takes its parameters by name, such as n_exc=..., not 4000",
        ),
        (lambda: replace(LIF, tau=3.0), "replace: .*LIF.* is not a component"),
        (lambda: replace("LIF", tau=3.0), "replace: 'LIF' is not a component"),
        (lambda: LIF(tau=10**400), "LIF: tau must be a number in ms"),
        (
            lambda: LIF(V_th=np.zeros(3), V_reset=np.zeros(2)),
            r"LIF: V_reset \(2,\) and V_th \(3,\) must have one shape",
        ),
    ],
)
def test_wrong_values_of_a_component_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_an_error_shows_a_long_value_short():
    with pytest.raises(ValueError, match="tau must be a number in ms, not ") as caught:
        LIF(tau=["x" * 1000])
    assert len(str(caught.value)) < 200

    class Nasty:
        def __repr__(self):
            raise RuntimeError("no")

    with pytest.raises(ValueError, match="not an object of type Nasty"):
        LIF(tau=Nasty())


class TestQuantities:
    u = pytest.importorskip("brainunit")

    def test_a_quantity_is_converted(self):
        assert LIF(tau=0.02 * self.u.second).tau == pytest.approx(20.0)
        assert LIF(V_rest=-0.06 * self.u.volt).V_rest == pytest.approx(-60.0)
        assert LIF(R=10 * self.u.Mohm).R == pytest.approx(0.01)
        assert snnlab.models.coba_ei(g_inh=6.7 * self.u.nsiemens).projections[2].weight == pytest.approx(6.7)

    def test_a_quantity_of_the_wrong_dimension_names_parameter_and_both_units(self):
        with pytest.raises(ValueError, match="LIF: tau is in ms, but .* is in mV"):
            LIF(tau=20 * self.u.mV)

    def test_duration_and_dt_take_quantities(self):
        net = snnlab.models.lif_ei(n_exc=40, n_inh=10)
        rec = snnlab.simulate(net, duration=0.02 * self.u.second, dt=100 * self.u.usecond)
        assert rec.duration == pytest.approx(20.0) and rec.dt == pytest.approx(0.1)
        with pytest.raises(ValueError, match="duration is in ms"):
            snnlab.simulate(net, duration=20 * self.u.mV)

    def test_every_declared_unit_is_one_that_a_quantity_can_have(self):
        ms, mV = self.u.ms, self.u.mV
        assert Izhikevich(a=20 / self.u.second).a == pytest.approx(0.02)
        assert Izhikevich(d=8 * self.u.volt / self.u.second).d == pytest.approx(8.0)
        assert GaussianNoise(sigma=2 * self.u.pA * (4 * ms) ** 0.5).sigma == pytest.approx(4.0)
        assert snnlab.models.wong_wang2006(J_A=1 * self.u.pA / self.u.Hz).J_A == pytest.approx(0.001)
        with pytest.raises(ValueError, match="Izhikevich: d is in mV / ms, but .* is in mV"):
            Izhikevich(d=8 * mV)

    def test_lists_of_quantities_and_quantities_of_lists(self):
        u = self.u
        for tau in ([0.01 * u.second, 20 * u.ms], np.array([10.0, 20.0]) * u.ms, [10.0, 20 * u.ms]):
            assert LIF(tau=tau).tau == pytest.approx([10.0, 20.0])
        with pytest.raises(ValueError, match="LIF: tau is in ms, but .* is in mV"):
            LIF(tau=[10 * u.ms, 20 * u.mV])

    def test_courses_of_inputs(self):
        u = self.u
        sections = Sections([0.02, 0.03] * u.nA, [0.1 * u.second, 50 * u.ms])
        assert sections.currents == pytest.approx([20, 30]) and sections.durations == pytest.approx([100, 50])
        assert SpikeTimes([0.001, 0.002] * u.second).times == pytest.approx([1.0, 2.0])
        with pytest.raises(ValueError, match="Sections: currents is in pA, but .* is in mV"):
            Sections([1.0] * u.mV, [1.0])
        with pytest.raises(ValueError, match="SpikeTimes: times is in ms, but .* is in mV"):
            SpikeTimes([1.0 * u.mV])

    def test_states_to_start_from(self):
        u = self.u
        for value in (-0.06 * u.volt, [-60.0, -60.0] * u.mV, [-60 * u.mV, -0.06 * u.volt]):
            initial = snnlab.Population(LIF(), 2, {"V": value}).initial["V"]
            assert np.allclose(initial, -60.0)
        normal = snnlab.Population(LIF(), 2, {"V": Normal(-0.055 * u.volt, 5 * u.mV)}).initial["V"]
        assert (normal.mean, normal.std) == pytest.approx((-55.0, 5.0))
        uniform = snnlab.Population(AdEx(), 2, {"w": Uniform(0.0, 0.1 * u.nA)}).initial["w"]
        assert (uniform.low, uniform.high) == pytest.approx((0.0, 100.0))
        for initial, message in (
            ({"V": 3 * u.ms}, r'Population: initial\["V"\] is in mV, but .* is in ms'),
            ({"V": Normal(3 * u.ms, 1.0)}, r'initial\["V"\]: mean is in mV, but .* is in ms'),
            ({"V": Normal(-55.0, -1 * u.mV)}, "Normal: std = -1"),
            ({"V": Uniform(-50 * u.mV, -60 * u.mV)}, "low = -50 must not be above high = -60"),
            ({"held": 3 * u.mV}, r'initial\["held"\] is in plain numbers, but .* is in mV'),
        ):
            with pytest.raises(ValueError, match=message):
                snnlab.Population(LIF(), 2, initial)

    def network(self, receptor, weight=1.0, wiring=None, source=None):
        cells = {"E": snnlab.Population(LIF(), 2)}
        projections = [snnlab.Projection("E", "E", "s", wiring or FixedProbability(0.5), weight)]
        inputs = [snnlab.Input("E", SpikeTimes([1.0]), "s", source)] if source is not None else []
        return snnlab.Network(cells, {"s": Synapse(Exponential(), receptor)}, projections, inputs)

    def test_weights_have_the_unit_of_their_synapse(self):
        u = self.u
        net = self.network(Conductance(0.0), 600 * u.psiemens, source=0.002 * u.usiemens)
        assert (net.projections[0].weight, net.inputs[0].weight) == pytest.approx((0.6, 2.0))
        assert self.network(Current(), 0.6 * u.nA).projections[0].weight == pytest.approx(600.0)
        assert snnlab.simulate(net, duration=2.0, record="E.s")["E.s"][10] == pytest.approx(2.0)
        for receptor, unit in ((Conductance(0.0), "nS"), (Current(), "pA")):
            with pytest.raises(
                ValueError, match=rf'projection 0 \("E" -> "E"\): weight is in {unit}, but .* mV'
            ):
                self.network(receptor, 5 * u.mV)
            with pytest.raises(ValueError, match=rf"input 0 .*: weight is in {unit}, but .* mV"):
                self.network(receptor, source=5 * u.mV)
        with pytest.raises(ValueError, match="weight is in plain numbers, but .* nS"):
            cells = {"E": snnlab.Population(LIF(), 2)}
            snnlab.Network(cells, inputs=[snnlab.Input("E", Constant(1.0), weight=2 * u.nS)])

    def test_weights_of_a_matrix_have_it_and_the_projection_scales_them(self):
        u = self.u
        W = np.array([[1.0, 2.0], [3.0, 4.0]])
        assert np.allclose(self.network(Conductance(0.0), 2.0, Matrix(0.5 * W * u.nS)).matrix(0), W)
        assert np.allclose(self.network(Conductance(0.0), 2 * u.nS, Matrix(0.5 * W)).matrix(0), W)
        with pytest.raises(ValueError, match="Matrix.weights is in nS, but .* is in pA"):
            self.network(Conductance(0.0), 2.0, Matrix(W * u.pA))
        with pytest.raises(ValueError, match="weight is in plain numbers, but .* nS"):
            self.network(Conductance(0.0), 2 * u.nS, Matrix(W * u.nS))
        with pytest.raises(ValueError, match=r"weights\[0, 1\] = nan is not finite"):
            self.network(Conductance(0.0), 2.0, Matrix([[1.0, np.nan], [1.0, 1.0]] * u.nS))
