"""Phase planes: published numbers of the reduced decision model, and systems whose answers are known in closed form."""

import math
from typing import ClassVar

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest
from targets import meets, target
from textbook import solution, wong_wang

import snnlab
from snnlab import analysis, component, param, plots
from snnlab.core.rates import threshold_linear
from snnlab.models import wong_wang2006

CASES = {
    "mu0_c0": {"stimulus": 0.0},
    "mu30_c0": {},
    "mu30_c0.512": {"coherence": 0.512},
    "mu30_c1": {"coherence": 1.0},
}
WIDE = {"s1": (-0.5, 1.0), "s2": (-0.5, 1.0)}


class Plain:
    """A two-variable system that is no component."""

    variables = ("x", "y")
    time_unit = "ms"

    def __init__(self, derivative, window=((-3.0, 3.0), (-3.0, 3.0))):
        self._derivative, self.window = derivative, window

    def derivative(self, state):
        x, y = state[..., 0], state[..., 1]
        return jnp.stack(self._derivative(x, y), -1)


def linear(A):
    (a, b), (c, d) = A
    return Plain(lambda x, y: (a * x + b * y, c * x + d * y))


@component
class FitzHughNagumo:
    """v' = v - v^3/3 - w + I; w' = (v + a - b w) / tau."""

    I: float = param(0.0, doc="current")
    a: float = param(0.7, doc="shift")
    b: float = param(0.8, doc="slope")
    tau: float = param(12.5, doc="recovery")

    variables: ClassVar[tuple[str, ...]] = ("v", "w")
    window: ClassVar[tuple[tuple[float, float], ...]] = ((-2.5, 2.5), (-1.5, 2.5))
    time_unit: ClassVar[str] = "ms"

    def derivative(self, state):
        v, w = state[..., 0], state[..., 1]
        return jnp.stack([v - v * v * v / 3 - w + self.I, (v + self.a - self.b * w) / self.tau], -1)


def residual(system, line, which):
    """How far, in the first order, points lie from a zero level."""
    with jax.enable_x64(True):
        flow = np.asarray(system.derivative(jnp.asarray(line)))[:, which]
        J = np.asarray(jax.vmap(jax.jacfwd(system.derivative))(jnp.asarray(line)))[:, which]
    return np.abs(flow) / np.linalg.norm(J, axis=1)


# the published numbers


@pytest.mark.parametrize("case", CASES)
def test_published_fixed_points(case):
    points = analysis.fixed_points(wong_wang2006(**CASES[case]))
    assert meets("wongwang", f"n_fp_{case}", len(points))
    for k, point in enumerate(points):
        entry = target("wongwang", f"fp_{case}_{k}")
        meets("wongwang", f"fp_{case}_{k}", point.state)
        assert np.allclose(point.eigenvalues, entry["eig"], rtol=0, atol=entry["eig_tol"])
        assert np.allclose(wong_wang2006(**CASES[case]).rates(point.state), entry["rates"], rtol=1e-3)
        assert point.kind == entry["stability"] and point.stable == (point.kind == "stable node")


@pytest.mark.parametrize("case", CASES)
def test_published_nullclines(case):
    system, entry = wong_wang2006(**CASES[case]), target("wongwang", f"nullcline_{case}")
    lines, drawn = analysis.nullclines(system, window=WIDE), dict(entry["value"])
    for own, other, which in (("s1", "s2", 0), ("s2", "s1", 1)):
        drawn[f"{other}_on_{own}null"] = on_line = []
        for at, expected in zip(entry["value"][own], entry["value"][f"{other}_on_{own}null"], strict=True):
            (exact,) = analysis.nullcline_at(system, own, window=WIDE, **{own: at})
            assert exact == pytest.approx(expected, abs=1e-9)
            crossings = [
                np.interp(at, line[order, which], line[order, 1 - which])
                for line in lines[own]
                for order in [np.argsort(line[:, which])]
            ]
            on_line.append(min(crossings, key=lambda value: abs(value - expected)))  # noqa: B023
    meets("wongwang", f"nullcline_{case}", drawn)


@pytest.mark.parametrize("case", ["mu30_c0.512_T0.2", "mu30_c0.512_T1"])
def test_published_trajectories(case):
    duration = float(case.rpartition("T")[2])
    end = analysis.trajectory(wong_wang2006(coherence=0.512), (0.06, 0.06), duration).states[-1]
    meets("wongwang", f"traj_{case}", end)
    assert np.allclose(end, target("wongwang", f"traj_{case}")["value"], atol=1e-6)


def test_published_transfer_function_and_its_removable_singularity():
    with jax.enable_x64(True):
        at = jnp.asarray([float(I) for I in target("wongwang", "phi")["value"]])
        meets("wongwang", "phi", threshold_linear(at, 270.0, 108.0, 0.154))
        I = jnp.concatenate([jnp.linspace(0.39, 0.41, 401), jnp.asarray([-100.0, 0.0, 0.4, 100.0])])
        phi = lambda I: threshold_linear(I, 270.0, 108.0, 0.154)  # noqa: E731
        slope, bend = jax.vmap(jax.grad(phi))(I), jax.vmap(jax.grad(jax.grad(phi)))(I)
        assert np.all(np.isfinite(slope)) and np.all(np.isfinite(bend)) and np.all(slope >= 0.0)
        assert float(jax.grad(phi)(0.4)) == pytest.approx(270.0 / 2, rel=1e-12)
        assert np.allclose(slope[1:400], (phi(I[2:401]) - phi(I[:399])) / (I[2:401] - I[:399]), rtol=1e-4)
    for I in (-100.0, 0.0, 0.4, 0.4 + 1e-6, 100.0):  # in single precision too
        assert math.isfinite(threshold_linear(jnp.asarray(I), 270.0, 108.0, 0.154))
        assert math.isfinite(jax.grad(lambda I: threshold_linear(I, 270.0, 108.0, 0.154))(I))


def test_published_bifurcations():
    diagram = analysis.bifurcation(wong_wang2006, "coherence", (0.0, 1.0))
    (fold,) = diagram.bifurcations
    assert fold.kind == "fold" and meets("wongwang", "c_fold_mu30", fold.value)
    assert fold.value == pytest.approx(target("wongwang", "c_fold_mu30")["value"], abs=1e-6)
    assert np.allclose(fold.state, target("wongwang", "c_fold_mu30")["at"], atol=1e-6)
    diagram = analysis.bifurcation(wong_wang2006, "stimulus", (0.0, 30.0))
    (pitchfork,) = diagram.bifurcations
    entry = target("wongwang", "pitchfork_0_mu_c0")
    assert pitchfork.kind == "pitchfork" and meets("wongwang", "pitchfork_0_mu_c0", pitchfork.value)
    assert pitchfork.value == pytest.approx(entry["value"], abs=1e-6)
    assert np.allclose(pitchfork.state, entry["at"], atol=1e-6)


def test_the_losing_attractor_is_there_just_before_its_end_and_gone_just_after():
    end = target("wongwang", "c_fold_mu30")["value"]
    counts = [len(analysis.fixed_points(wong_wang2006(coherence=end + off))) for off in (-1e-5, 1e-5)]
    assert counts == [3, 1]


# the symmetry of the two pools


def test_mirrored_coherence_gives_mirrored_pictures():
    one, other = wong_wang2006(coherence=0.3), wong_wang2006(coherence=-0.3)
    for a, b in zip(analysis.fixed_points(one), analysis.fixed_points(other)[::-1], strict=True):
        assert np.allclose(a.state, b.state[::-1], atol=1e-12) and a.kind == b.kind
    symmetric = wong_wang2006()
    (line,) = analysis.separatrix(symmetric)
    assert np.max(np.abs(line[:, 0] - line[:, 1])) < 1e-7
    assert np.allclose(sorted(line[[0, -1], 0]), [0.0, 1.0], atol=1e-6)
    split = analysis.basin(symmetric, n=22)
    off = ~np.eye(22, dtype=bool)
    assert np.array_equal(split.index[off], 1 - split.index.T[off])


def test_a_separatrix_parts_the_basins():
    system = wong_wang2006(coherence=0.512)
    (line,) = analysis.separatrix(system)
    saddle = analysis.fixed_points(system)[1]
    assert np.min(np.linalg.norm(line - saddle.state, axis=1)) < 1e-12
    for k in (60, len(line) // 4, 3 * len(line) // 4, len(line) - 60):
        across = np.array([line[k + 1, 1] - line[k - 1, 1], line[k - 1, 0] - line[k + 1, 0]])
        across *= 1e-5 / np.linalg.norm(across)
        ends = [analysis.trajectory(system, line[k] + side * across, 3.0).states[-1] for side in (1, -1)]
        assert sorted(end[0] > end[1] for end in ends) == [False, True]
    map_ = analysis.basin(system, n=21)
    for i, j in ((2, 18), (10, 10), (5, 20), (18, 3)):
        end = analysis.trajectory(system, map_.states[i, j], 5.0).states[-1]
        assert np.allclose(end, map_.attractors[map_.index[i, j]].state, atol=1e-4)


def test_two_calls_give_the_same_bits():
    for system in (wong_wang2006(coherence=0.512), wong_wang2006(stimulus=0.0)):
        first = analysis.separatrix(system)
        for _ in range(10):
            assert all(map(np.array_equal, analysis.separatrix(system), first))


def test_every_state_has_its_attractor():
    system = wong_wang2006(coherence=0.512)
    map_ = analysis.basin(system, n=9)
    states = map_.states.reshape(-1, 2)
    assert np.array_equal(analysis.attractors_of(system, states), map_.index.ravel())
    assert analysis.attractors_of(linear([[1.0, 0.0], [0.0, -2.0]]), [(0.0, 1.0)]).tolist() == [-1]
    for wrong in ((0.1, 0.1), [[0.1, 0.1, 0.1]], [[math.nan, 0.1]]):
        with pytest.raises(ValueError, match="states must be"):
            analysis.attractors_of(system, wrong)


def test_known_fixed_points_give_the_same_separatrix():
    system = wong_wang2006(coherence=0.3)
    (known,) = analysis.separatrix(system, points=analysis.fixed_points(system))
    assert np.array_equal(known, analysis.separatrix(system)[0])


def test_basins_do_not_depend_on_how_many_states_are_followed_at_a_time(monkeypatch):
    system = wong_wang2006(coherence=0.512)
    whole = analysis.basin(system, n=12).index
    monkeypatch.setattr("snnlab.analysis.phase_plane._BATCH", 64)
    assert np.array_equal(analysis.basin(system, n=12).index, whole) and set(whole.flat) == {0, 1}


# closed forms


@pytest.mark.parametrize(
    "A, kind, eigenvalues",
    [
        ([[1.0, 0.0], [0.0, -2.0]], "saddle", [-2.0, 1.0]),
        ([[-1.0, 1.0], [0.0, -3.0]], "stable node", [-3.0, -1.0]),
        ([[3.0, 1.0], [0.0, 1.0]], "unstable node", [1.0, 3.0]),
        ([[-1.0, -2.0], [2.0, -1.0]], "stable focus", [-1 - 2j, -1 + 2j]),
        ([[1.0, -2.0], [2.0, 1.0]], "unstable focus", [1 - 2j, 1 + 2j]),
        ([[0.0, -2.0], [2.0, 0.0]], "centre", [-2j, 2j]),
    ],
)
def test_linear_systems(A, kind, eigenvalues):
    system = linear(A)
    (point,) = analysis.fixed_points(system)
    assert point.kind == kind and np.allclose(point.state, 0.0, atol=1e-12)
    assert np.allclose(point.eigenvalues, eigenvalues, atol=1e-12) and np.allclose(point.jacobian, A)
    moved = analysis.trajectory(system, (0.5, -0.25), 0.7, n=11)
    values, vectors = np.linalg.eig(np.array(A))
    weights = np.linalg.solve(vectors, [0.5, -0.25])
    exact = np.real((vectors * weights) @ np.exp(np.outer(values, moved.t))).T
    assert np.allclose(moved.states, exact, atol=1e-8) and moved.t[-1] == 0.7
    assert len(analysis.separatrix(system)) == (kind == "saddle")
    assert bool(np.all(analysis.basin(system, n=9).index == 0)) == (kind.startswith("stable"))


def test_the_manifold_of_a_curved_saddle():
    # x' = x, y' = -y + x^2 has its unstable manifold on y = x^2/3; with time turned, that is the stable one
    (line,) = analysis.separatrix(Plain(lambda x, y: (-x, y - x * x)))
    assert np.max(np.abs(line[:, 1] - line[:, 0] ** 2 / 3)) < 1e-7
    assert np.allclose(np.abs(line[[0, -1], 0]), 3.0, atol=1e-5)


def test_upright_level_folding_and_closed_nullclines():
    lines = analysis.nullclines(Plain(lambda x, y: (x * (x * x - 1), (y - 2) * (x * x + y * y - 1))))
    assert sorted(round(float(line[:, 0].mean()), 9) for line in lines["x"]) == [-1.0, 0.0, 1.0]
    assert all(np.ptp(line[:, 0]) < 1e-9 and np.ptp(line[:, 1]) > 5.999 for line in lines["x"])
    level, circle = sorted(lines["y"], key=lambda line: -line[:, 1].mean())
    assert np.allclose(level[:, 1], 2.0, atol=1e-12)
    assert np.allclose(np.hypot(*circle.T), 1.0, atol=1e-12) and np.array_equal(circle[0], circle[-1])
    middles = 0.5 * (circle[1:] + circle[:-1])
    assert np.max(np.abs(np.hypot(*middles.T) - 1.0)) < 1e-6
    # the cubic x = y^3 - y folds over x
    folded = Plain(lambda x, y: (x - y * y * y + y, x - 5.0 + 0 * y), ((-6.0, 6.0), (-2.0, 2.0)))
    (line,) = analysis.nullclines(folded)["x"]
    assert np.max(np.abs(line[:, 0] - line[:, 1] ** 3 + line[:, 1])) < 1e-9
    assert np.allclose(analysis.nullcline_at(folded, "x", x=0.0), [-1.0, 0.0, 1.0], atol=1e-12)


def test_a_nullcline_on_the_border_is_found_and_a_pole_is_none():
    grown = Plain(lambda x, y: (x * (1 - x - 0.5 * y), y * (1 - y - 0.5 * x)), ((0.0, 2.0), (0.0, 1.5)))
    assert len(analysis.nullclines(grown)["x"]) == 2
    kinds = {tuple(np.round(p.state, 9) + 0.0): p.kind for p in analysis.fixed_points(grown)}
    assert kinds == {
        (0.0, 0.0): "unstable node",
        (0.0, 1.0): "saddle",
        (1.0, 0.0): "saddle",
        (0.666666667, 0.666666667): "stable node",
    }
    pole = Plain(lambda x, y: (1 / (x - 0.123) + 0 * y, x - y))
    with pytest.raises(ValueError, match="nullcline of x lies outside"):
        analysis.nullclines(pole)


def test_many_fixed_points_are_all_found():
    points = analysis.fixed_points(Plain(lambda x, y: (jnp.sin(3 * x), jnp.sin(3 * y))))
    assert len(points) == 25
    grid = np.arange(-2, 3) * np.pi / 3
    assert np.allclose([p.state for p in points], [(a, b) for a in grid for b in grid], atol=1e-12)
    assert [p.kind for p in points].count("saddle") == 12


def test_fitzhugh_nagumo():
    system = FitzHughNagumo(I=0.5)
    (point,) = analysis.fixed_points(system)
    roots = np.roots([-1 / 3, 0, 1 - 1 / 0.8, 0.5 - 0.7 / 0.8])
    v = float(np.real(roots[np.abs(roots.imag) < 1e-9][0]))
    assert np.allclose(point.state, [v, (v + 0.7) / 0.8], atol=1e-10) and point.kind == "unstable focus"
    for which, lines in enumerate(analysis.nullclines(system).values()):
        assert max(residual(system, line, which).max() for line in lines) < 1e-8
    diagram = analysis.bifurcation(FitzHughNagumo, "I", (0.0, 1.0))
    # the trace vanishes at v^2 = 1 - b / tau
    v = -math.sqrt(1 - 0.8 / 12.5)
    (hopf,) = diagram.bifurcations
    assert hopf.kind == "Hopf" and hopf.state[0] == pytest.approx(v, abs=1e-7)
    assert hopf.value == pytest.approx((v + 0.7) / 0.8 - v + v**3 / 3, abs=1e-7)


def normal_form(shape):
    return lambda r: Plain(lambda x, y: (shape(r, x), -y))


@pytest.mark.parametrize(
    "shape, kind, value, state",
    [
        (lambda r, x: (r - 0.3) + x * x, "fold", 0.3, 0.0),
        (lambda r, x: (r - 0.3) * x - x * x * x, "pitchfork", 0.3, 0.0),
        (lambda r, x: (r - 0.3) * x + x * x * x, "pitchfork", 0.3, 0.0),
        (lambda r, x: (r - 0.3) * (x - 0.5) - (x - 0.5) ** 2, "transcritical", 0.3, 0.5),
    ],
)
def test_normal_forms_bifurcate_where_they_should(shape, kind, value, state):
    diagram = analysis.bifurcation(normal_form(shape), "r", (-1.0, 1.0))
    (found,) = diagram.bifurcations
    assert found.kind == kind and found.value == pytest.approx(value, abs=1e-6)
    assert np.allclose(found.state, [state, 0.0], atol=1e-6)
    for branch in diagram.branches:
        assert np.max(np.abs(shape(branch.values, branch.states[:, 0]))) < 1e-8
        slope = [jax.grad(shape, 1)(r, x) for r, x in zip(branch.values, branch.states[:, 0], strict=True)]
        clear = np.abs(slope) > 1e-3
        assert np.array_equal(branch.stable[clear], np.array(slope)[clear] < 0)


def test_two_folds_of_a_cubic():
    diagram = analysis.bifurcation(normal_form(lambda r, x: r + x - x * x * x), "r", (-1.0, 1.0))
    assert [b.kind for b in diagram.bifurcations] == ["fold", "fold"]
    place = 2 / (3 * math.sqrt(3))
    assert np.allclose([b.value for b in diagram.bifurcations], [-place, place], atol=1e-9)
    assert len(diagram.branches) == 1


# precision


@pytest.mark.parametrize("method", ["LSODA", "Radau"])
def test_trajectories_agree_with_other_solvers(method):
    start = (0.3, 0.25)
    ours = analysis.trajectory(wong_wang2006(stimulus=20.0, coherence=0.1), start, 1.0, n=41)
    other = solution(wong_wang(20.0, 0.1), 1.0, start, method)
    assert np.max(np.abs(ours.states - other(ours.t).T)) < 1e-6


def test_the_callers_precision_neither_changes_nor_matters():
    system = wong_wang2006(coherence=0.2)
    results = []
    for wide in (False, True):
        with jax.enable_x64(wide):
            before = jax.config.jax_enable_x64
            results.append(
                [*(p.state for p in analysis.fixed_points(system)), *analysis.nullclines(system)["s1"]]
            )
            assert jax.config.jax_enable_x64 is before
    assert all(a.dtype == np.float64 and np.array_equal(a, b) for a, b in zip(*results, strict=True))


# what is refused


def test_what_is_no_two_variable_system_is_refused():
    class Three(Plain):
        variables = ("x", "y", "z")

    wrong = Plain(lambda x, y: (x, y, x))
    for function in (analysis.nullclines, analysis.fixed_points, analysis.separatrix, analysis.vector_field):
        with pytest.raises(ValueError, match="needs two variables, but Three has 3: x, y, z"):
            function(Three(lambda x, y: (x, y)))
        with pytest.raises(ValueError, match="must have the shape of the state"):
            function(wrong)
        with pytest.raises(ValueError, match="Network has no phase plane"):
            function(snnlab.models.lif_ei())


def test_wrong_windows_and_starts_are_refused():
    system = wong_wang2006()
    with pytest.raises(ValueError, match="nullcline of s1 lies outside the window"):
        analysis.nullclines(system, window={"s1": (0.9, 1.0), "s2": (0.9, 1.0)})
    with pytest.raises(ValueError, match='no variable "s3"'):
        analysis.fixed_points(system, window={"s3": (0.0, 1.0)})
    with pytest.raises(ValueError, match="low < high"):
        analysis.fixed_points(system, window={"s1": (1.0, 0.0)})
    with pytest.raises(ValueError, match="one state"):
        analysis.trajectory(system, [[0.1, 0.1]], 1.0)
    with pytest.raises(ValueError, match="start must be"):
        analysis.trajectory(system, (0.1, 0.1, 0.1), 1.0)
    with pytest.raises(ValueError, match="duration"):
        analysis.trajectory(system, (0.1, 0.1), 0.0)
    with pytest.raises(ValueError, match="does not meet"):
        analysis.nullcline_at(system, "s1", s1=0.99)
    with pytest.raises(ValueError, match="coherence = 2 is not allowed"):
        analysis.bifurcation(wong_wang2006, "coherence", (0.0, 2.0))
    with pytest.raises(ValueError, match="has no parameter"):
        analysis.bifurcation(wong_wang2006, "stimulos", (0.0, 2.0))
    with pytest.raises(ValueError, match="not isolated"):
        analysis.fixed_points(Plain(lambda x, y: (x - y, y - x)))


@pytest.fixture
def ax():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def test_the_picture_draws_what_was_computed(ax):
    system = wong_wang2006(coherence=0.512)
    run = analysis.trajectory(system, (0.06, 0.06), 1.0)
    assert plots.phase_plane(system, ax, trajectories=[run]) is ax
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("s1", "s2")
    drawn = {line.get_label(): line for line in ax.lines}
    for name, branches in analysis.nullclines(system).items():
        assert np.array_equal(np.transpose(drawn[f"d{name}/dt = 0"].get_data()), branches[0])
    assert np.allclose(
        np.transpose(drawn["separatrix"].get_data()), analysis.separatrix(system)[0], atol=1e-9
    )
    assert np.array_equal(np.transpose(drawn["trajectory"].get_data()), run.states)
    points = [line for line in ax.lines if line.get_marker() == "o"]
    kinds = {"full": "stable node", "left": "saddle", "none": "unstable node"}
    shown = {tuple(np.ravel(line.get_data())): kinds[line.get_fillstyle()] for line in points}
    assert shown == {tuple(p.state): p.kind for p in analysis.fixed_points(system)}
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words.count("stable node") == words.count("saddle") == 1


def test_the_picture_of_a_bifurcation(ax):
    diagram = analysis.bifurcation(wong_wang2006, "coherence", (0.0, 1.0))
    assert plots.bifurcation(diagram, 1, ax, label="s2") is ax
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("coherence", "s2")
    drawn = {"-": [], ":": []}
    for line in ax.lines:
        if line.get_linestyle() in drawn and len(line.get_xdata()):
            drawn[line.get_linestyle()].append(np.transpose(line.get_data()))
    fold = diagram.bifurcations[0]
    (mark,) = [line for line in ax.lines if line.get_label() == "fold"]
    assert np.allclose(mark.get_xydata(), [[fold.value, fold.state[1]]])
    for branch, solid, dotted in zip(diagram.branches, drawn["-"], drawn[":"], strict=True):
        for points, stable in ((solid, branch.stable), (dotted, ~branch.stable)):
            seen = np.isfinite(points[:, 1])
            assert np.array_equal(points[seen, 1], branch.states[seen, 1]) and np.all(seen[stable])
            # beyond its own points a piece reaches only to its neighbour, so that the line has no gap
            assert np.sum(seen & ~stable) <= 2
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["stable", "unstable", "fold"]


def test_the_picture_of_a_focus_and_of_a_window(ax):
    plots.phase_plane(FitzHughNagumo(I=0.5), ax, window={"v": (-2.0, 2.0)})
    (point,) = [line for line in ax.lines if line.get_marker() == "D"]
    assert point.get_fillstyle() == "none" and point.get_label() == "unstable focus"
    assert ax.get_xlim() == pytest.approx((-2.08, 2.08))
    assert len(plt.get_fignums()) == 1
