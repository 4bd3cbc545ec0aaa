"""The table of published numbers: what it accepts, what it refuses, what it complains about."""

import math

import pytest
import targets


@pytest.fixture
def fresh(monkeypatch):
    """Nothing measured yet; what the other tests measured comes back afterwards."""
    monkeypatch.setattr(targets, "measured", {})
    return targets


def test_a_number_in_its_band_is_recorded_and_one_outside_is_told(fresh):
    assert fresh.meets("lif", "isi_hard_RI20", 13.9)
    for wrong in (13.91, math.nan):
        with pytest.raises(AssertionError, match=r"lif\.isi_hard_RI20: measured .*, expected 13\.9 to 13\.9"):
            fresh.meets("lif", "isi_hard_RI20", wrong)
    fresh.meets("lif", "isi_hard_RI20", 13.9)
    assert not fresh.measured["lif.isi_hard_RI20"]["passed"], "a failure is not forgotten"


def test_lists_and_dicts_are_compared_one_by_one(fresh):
    value = fresh.target("wongwang", "phi")["value"]
    assert fresh.meets("wongwang", "phi", value) and fresh.meets("wongwang", "phi", list(value.values()))
    with pytest.raises(AssertionError, match="5 values for 6"):
        fresh.meets("wongwang", "phi", list(value.values())[1:])
    with pytest.raises(AssertionError, match="phi: measured 0.4289"):
        fresh.meets("wongwang", "phi", value | {"0.3": value["0.3"] + 1e-8})
    with pytest.raises(AssertionError, match="literal_seed: measured 76, expected 71 to 75"):
        fresh.meets("two_neuron", "literal_seed", [[0, 1, 2], [0, 1, 2, 18, 76]], tol=2)


def test_a_published_band_cannot_be_widened(fresh):
    with pytest.raises(AssertionError, match="has a published band"):
        fresh.meets("lif", "isi_hard_RI20", 14.5, tol=1.0)


def test_every_id_without_a_measurement_is_complained_about_but_those_awaited(fresh):
    waiting = sum(len(fresh._sections()[section]) for section in fresh.AWAITED)
    assert len(fresh.complaints()) == len(fresh.without_test()) - waiting
    fresh.meets("lif", "isi_hard_RI20", 13.9)
    assert "no test measures lif.isi_hard_RI25" in fresh.complaints()
    assert "no test measures lif.isi_hard_RI20" not in fresh.complaints()


def test_a_section_that_is_measured_is_no_longer_awaited(fresh, monkeypatch):
    monkeypatch.setattr(fresh, "AWAITED", ("hh_channels",))
    assert not any("take it out" in complaint for complaint in fresh.complaints())
    for name, entry in fresh._sections()["hh_channels"].items():
        fresh.meets("hh_channels", name, entry["value"], rel=1e-5)
    assert any("hh_channels is measured now: take it out" in complaint for complaint in fresh.complaints())


def test_the_table_shows_every_id_and_of_many_values_the_worst(fresh):
    fresh.meets("lif", "isi_hard_RI20", 13.9)
    rates = list(fresh.target("hh_channels", "rates_V0.0")["value"])
    rates[2] *= 1 + 5e-6
    fresh.meets("hh_channels", "rates_V0.0", rates, rel=1e-5)
    with pytest.raises(AssertionError):
        fresh.meets("lif", "isi_hard_RI25", 9.3)
    _, *rows = fresh.table().splitlines()
    rows = {row.split()[0]: row for row in rows}
    assert len(rows) == sum(map(len, fresh._sections().values()))
    shown = ["13.9000000000", "13.8999999990", "13.9000000010", "13.9000000000", "yes"]
    assert rows["lif.isi_hard_RI20"].split()[1:] == shown
    assert rows["lif.isi_hard_RI25"].endswith("NO") and rows["lif.isi_hard_RI30"].endswith("no test yet")
    assert "(3 of 6)" in rows["hh_channels.rates_V0.0"] and rows["hh_channels.rates_V0.0"].endswith("yes")


def test_only_tests_that_measure_are_found():
    def straight():
        targets.meets("lif", "isi_hard_RI20", 13.9)

    def inside():
        return [targets.meets("lif", name, 13.9) for name in ()]

    assert targets.says_meets(straight.__code__) and targets.says_meets(inside.__code__)
    assert not targets.says_meets(targets.counts.__code__)
