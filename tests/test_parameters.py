"""Parameters: declared once, checked everywhere, with errors that name what is wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnlab
from snnlab.neurons import LIF
from snnlab.parameters import describe, param, replace
from snnlab.synapses import Exponential


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
