"""What must hold for NewNeuron: one closed form, and laws that any neuron obeys. Run it by ``python -m pytest``."""

import numpy as np
import pytest
from new_neuron import NewNeuron

from snnlab import Input, Network, Population, simulate
from snnlab.inputs import Constant


def trains(neuron, currents, duration=300.0, **options):
    """The spike times (ms) of one cell for each constant current (pA)."""
    network = Network(
        {"c": Population(neuron, len(currents))}, inputs=[Input("c", Constant(np.asarray(currents, float)))]
    )
    spikes = simulate(network, duration=duration, **options).spikes["c"]
    return [spikes.of(i) for i in range(len(currents))]


def test_without_adaptation_the_interval_is_that_of_a_leaky_integrator():
    I, dt = 15.0, 0.1
    cell = NewNeuron(b=0.0)
    V_inf = cell.V_rest + cell.R * I
    paper = cell.tau * np.log((V_inf - cell.V_reset) / (V_inf - cell.V_th))
    intervals = np.diff(trains(cell, [I], dt=dt)[0])
    assert len(intervals) > 3 and np.all((intervals > paper - 1e-9) & (intervals < paper + dt + 1e-9))


def test_adaptation_lengthens_the_intervals():
    (times,) = trains(NewNeuron(b=4.0), [25.0])
    intervals = np.diff(times)
    assert len(intervals) > 3 and np.all(np.diff(intervals[:4]) > 0)


def test_it_rests_without_input_and_fires_more_with_more():
    counts = [len(times) for times in trains(NewNeuron(), [0.0, 20.0, 40.0, 80.0])]
    assert counts[0] == 0 and np.all(np.diff(counts) > 0)


def test_a_cell_does_not_feel_its_neighbours():
    currents = [0.0, 15.0, 30.0, 60.0]
    together = trains(NewNeuron(), currents)
    alone = [trains(NewNeuron(), [I])[0] for I in currents]
    assert all(map(np.array_equal, together, alone))


def test_a_run_in_pieces_is_the_same_run():
    whole, pieces = (trains(NewNeuron(), [20.0, 40.0], chunk=steps) for steps in (10_000, 33))
    assert len(whole[0]) > 3 and all(map(np.array_equal, whole, pieces))


@pytest.mark.parametrize("wrong", [{"tau": -1.0}, {"b": float("nan")}, {"no_such": 1.0}])
def test_a_wrong_value_is_refused(wrong):
    with pytest.raises(ValueError, match="NewNeuron"):
        NewNeuron(**wrong)
