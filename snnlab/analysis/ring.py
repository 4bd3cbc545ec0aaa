"""A ring of units that holds an angle: reading the angle, the bump on paper, and how fast a stimulus may move.

A ring is what ``snnlab.models.cann`` gives: a model with ``n``, ``k``, ``a``, ``A``, ``J0``, ``tau``, ``angles`` [n],
``weights()`` [n, n] and the stimulus ``at(position)`` [n]. All of it in float64.
"""

import dataclasses
import math
from typing import Any

import numpy as np

from snnlab.core.parameters import numbers, replace, shown
from snnlab.core.recording import Recording

_UNITS = 64  # a bump is smooth: this many units give a moving one to rounding
_FAR = 20.0  # rad in a time constant: what follows a stimulus so fast follows any


@dataclasses.dataclass(frozen=True, eq=False)
class Bump:
    """The activity that keeps itself up without a stimulus: inputs ``u`` [n] and rates ``r`` [n], centred at 0.

    ``height`` is that of u between the units. Below ``threshold``, the height of the unstable bump of the same shape,
    activity dies out; a bump lives for k < ``critical_k``. ``width`` is the deviation (rad) of u.
    """

    u: np.ndarray
    r: np.ndarray
    height: float
    threshold: float
    width: float
    critical_k: float


@dataclasses.dataclass(frozen=True, eq=False)
class RingSummary:
    """What a recording of a ring shows at its end; ``str`` says it in a line.

    ``height`` of the bump; ``angle`` at which it stands and ``position`` of the stimulus (rad; nan if there is none);
    ``error``, the root mean square of their distance over the last fifth of the time in which there was a stimulus;
    ``lag``, the largest distance by which the bump was behind a moving one.
    """

    height: float
    angle: float
    position: float
    error: float
    lag: float

    def __str__(self) -> str:
        if not self.height > 1e-3:
            return "no activity is left"
        parts = [f"bump of height {self.height:.3g} at {self.angle:+.2f} rad"]
        parts.append("no stimulus" if math.isnan(self.position) else f"stimulus at {self.position:+.2f} rad")
        if not math.isnan(self.error):
            parts.append(f"decoding error {self.error:.4f} rad")
        if not math.isnan(self.lag):
            parts.append(f"lag up to {self.lag:.3f} rad")
        return ", ".join(parts)


def population_vector(activity: Any, angles: Any = None) -> np.ndarray:
    """The angle (-pi, pi] for which activity [..., n] stands: of the sum of the units' directions, weighted.

    What is below 0 counts as 0; without any activity the angle is nan. ``angles`` [n] are those of the units, without
    them -pi + 2 pi j / n. Raises ValueError when the lengths differ.
    """
    weights, angles = _weighed(activity, angles)
    x, y = np.moveaxis(weights @ np.stack([np.cos(angles), np.sin(angles)], -1), -1, 0)
    return np.where(np.hypot(x, y) > 1e-12 * (weights.sum(-1) + 1e-300), np.arctan2(y, x), np.nan)


def centre_of_mass(activity: Any, angles: Any = None) -> np.ndarray:
    """The mean angle (-pi, pi] of activity [..., n], counted from the unit that is opposite to the population vector.

    It weighs the flanks of a bump more than ``population_vector`` does, and noise far from it most.
    """
    weights, angles = _weighed(activity, angles)
    middle = population_vector(weights, angles)
    away = wrapped(angles - middle[..., None])
    with np.errstate(invalid="ignore"):
        return wrapped(middle + (weights * away).sum(-1) / weights.sum(-1))


def peak_height(activity: Any) -> np.ndarray:
    """The height of the bump in activity [..., n]: of the Gaussian through the highest unit and its two neighbours."""
    activity = np.asarray(activity, float)
    n, top = activity.shape[-1], np.argmax(activity, -1)[..., None]
    left, here, right = (np.take_along_axis(activity, (top + shift) % n, -1)[..., 0] for shift in (-1, 0, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b, c = np.log(left), np.log(here), np.log(right)
        higher = np.exp(b - 0.125 * (c - a) ** 2 / (a - 2.0 * b + c))
    return np.where((left > 0.0) & (right > 0.0) & (left < here) & (right <= here), higher, here)


def wrapped(angle: Any) -> Any:
    """Angles as in (-pi, pi]."""
    return angle - 2.0 * np.pi * np.ceil((angle - np.pi) / (2.0 * np.pi))


def lag(recording: Recording, angles: Any = None) -> np.ndarray:
    """By how much (rad) [T] the bump is behind the stimulus, in (-pi, pi]; nan without a stimulus.

    Needs a recording of "u" of all units, and of "position" where there is a stimulus. Raises ValueError when "u" was
    recorded of some units only.
    """
    u, position = _recorded(recording)
    return wrapped(position - population_vector(u, angles))


def ring_summary(recording: Recording, angles: Any = None) -> RingSummary:
    """What a recording of "u" and, where there is a stimulus, of "position" shows. Raises ValueError for other ones."""
    u, position = _recorded(recording)
    if not len(u):
        raise ValueError("The recording is empty: nothing has been simulated yet.")
    behind = wrapped(position - population_vector(u, angles))
    with_stimulus = behind[np.isfinite(behind)]
    last = with_stimulus[-max(1, len(with_stimulus) // 5) :]
    error = float(np.sqrt(np.mean(last**2))) if len(last) else math.nan
    way = wrapped(np.diff(position))
    moving = np.isfinite(way) & (np.abs(way) > 0.0) & (np.abs(way) < 0.5)  # a jump is no movement
    behind = (np.sign(way) * behind[1:])[moving & np.isfinite(behind[1:])]
    furthest = float(behind.max()) if len(behind) else math.nan
    angle = float(population_vector(u[-1], angles))
    return RingSummary(float(peak_height(u[-1])), angle, float(position[-1]), error, furthest)


def critical_k(ring: Any) -> float:
    """The inhibition from which no bump keeps itself up: 1 / (4 sum v^2), where ``v = J v^2``.

    For a bump that is narrow on a ring without double points it is ``rho J0^2 / (8 sqrt(2 pi) a)``, rho = n / (2 pi).
    0 where there are no connections. Raises ValueError for what is no ring.
    """
    v = _shape(_ring(ring))
    return 0.0 if v is None else 1.0 / (4.0 * float(np.sum(v * v)))


def bump(ring: Any) -> Bump:
    """The exact bump of a ring without a stimulus: ``u = D v`` with ``v = J v^2`` and D the larger root of
    ``D^2 k sum v^2 - D + 1 = 0``.

    Raises ValueError where there is none: when k is 0 (nothing bounds the activity) or not below the critical k.
    """
    limit = critical_k(ring)
    k = float(ring.k)
    if k >= limit:
        raise ValueError(
            f"There is no bump: k = {k:g} is not below the critical k = {limit:g} of this ring; all activity dies out."
        )
    if k == 0.0:
        raise ValueError("There is no bump: without inhibition, k = 0, activity grows without bound.")
    v = _shape(ring)
    S = float(np.sum(v * v))
    root = math.sqrt(1.0 - 4.0 * k * S)
    high, low = (1.0 + root) / (2.0 * k * S), 2.0 / (1.0 + root)  # the smaller root without cancellation
    u = high * v
    height = float(peak_height(u))
    near = np.abs(ring.angles) < 2.0 * ring.a
    curve = np.polynomial.polynomial.polyfit(ring.angles[near] ** 2, np.log(u[near]), 1)
    width = math.sqrt(-0.5 / curve[1])
    return Bump(u, u * u / (1.0 + k * np.sum(u * u)), height, height * low / high, width, limit)


@dataclasses.dataclass(frozen=True, eq=False)
class Following:
    """A bump that follows a stimulus at a steady speed: ``lag`` (rad) behind it, of height ``height``."""

    speed: float
    lag: float
    height: float


def following(ring: Any, speed: float) -> Following:
    """The steady state behind a stimulus that moves at ``speed`` (rad/ms), without noise.

    In the frame of the stimulus it is ``-speed tau u' = -u + J r(u) + I``, solved by Newton's method for rising speeds
    from 0 on. Raises ValueError when the stimulus is too fast (see ``largest_speed``) and when there is none (A = 0).
    """
    if not np.isfinite(speed):
        raise ValueError(f"speed must be a finite number, not {speed!r}.")
    path = _Path(ring)
    if not path.reach(abs(float(speed))):
        raise ValueError(
            f"speed = {speed:g} rad/ms is too fast: this bump cannot follow faster than {path.speed:.4g} rad/ms."
        )
    angle = float(population_vector(path.u, path.ring.angles))
    return Following(float(speed), -math.copysign(1.0, speed) * angle, float(peak_height(path.u)))


def largest_speed(ring: Any) -> float:
    """The largest speed (rad/ms) at which a bump can go on following its stimulus; inf where there is none.

    Up to it the steady state of ``following`` exists and is stable. Behind a weak stimulus it ends in a fold, where the
    bump is torn off: at ``sqrt(3 / e) a A / (u_0 tau)`` for A far below the height u_0 of the bump. Behind a strong one
    it loses its stability to an oscillation. Where the stimulus alone makes the bump, as at strong inhibition, the bump
    is dragged along at any speed, ever further behind and weaker. A stimulus that sets out suddenly is lost earlier.
    Raises ValueError when there is no stimulus (A = 0).
    """
    path = _Path(ring)
    return math.inf if path.reach(_FAR / float(ring.tau)) else path.speed


class _Path:
    """The steady states behind a moving stimulus, from speed 0 upwards, on an equal ring of fewer units."""

    def __init__(self, ring: Any):
        if not float(_ring(ring).A) > 0.0:
            raise ValueError("There is nothing to follow: the height of the stimulus is A = 0.")
        n = max(_UNITS, 2 * math.ceil(8.0 / float(ring.a)))
        share = (ring.n - bool(ring.closed)) / n  # the same ring: fewer units, each with more weight
        self.ring = replace(ring, n=n, J0=ring.J0 * share, k=ring.k * share, closed=False)
        self.weights = self.ring.weights()
        self.stimulus = np.asarray(self.ring.at(0.0), float)
        m = np.fft.rfftfreq(n, 1.0 / n)
        m[-1] = 0.0  # the highest harmonic has no derivative on the grid
        self.turn = np.fft.irfft(1j * m[:, None] * np.fft.rfft(np.eye(n), axis=0), n=n, axis=0)
        self.speed, self.u = 0.0, self._solved(0.0, self._settled())
        if self.u is None:
            raise ValueError(
                "The ring does not come to rest under a stimulus at rest: its activity grows without bound."
            )

    def reach(self, speed: float) -> bool:
        """Go to ``speed`` if there is a stable steady state all the way; otherwise to where it ends."""
        step = 0.05 / float(self.ring.tau)
        while self.speed < speed:
            step = min(step, speed - self.speed)
            u = self._solved(self.speed + step, self.u)
            if u is not None:
                self.speed, self.u, step = self.speed + step, u, 1.5 * step
            elif step < 1e-6 * max(self.speed, 1e-3 / float(self.ring.tau)):
                return False
            else:
                step *= 0.5
        return True

    def _settled(self) -> np.ndarray:
        """About where the ring comes to rest under the resting stimulus, from its own bump where it has one."""
        u = bump(self.ring).u if 0.0 < self.ring.k < critical_k(self.ring) else np.zeros(self.ring.n)
        with np.errstate(all="ignore"):
            for _ in range(2000):
                u = u + 0.2 * self._flow(u, 0.0)
        return u

    def _flow(self, u: np.ndarray, speed: float) -> np.ndarray:
        r = u * u / (1.0 + self.ring.k * (u @ u))
        return -u + self.weights @ r + self.stimulus + speed * self.ring.tau * (self.turn @ u)

    def _jacobian(self, u: np.ndarray, speed: float) -> np.ndarray:
        total = 1.0 + self.ring.k * (u @ u)
        slope = np.diag(2.0 * u / total) - np.outer(u * u, 2.0 * self.ring.k * u) / total**2
        return self.weights @ slope - np.eye(len(u)) + speed * self.ring.tau * self.turn

    def _solved(self, speed: float, start: np.ndarray) -> np.ndarray | None:
        """The stable steady state near ``start`` by Newton's method, or None."""
        u, size = start, np.max(np.abs(start))
        for _ in range(12):
            if not np.isfinite(size):
                return None
            move = np.linalg.solve(self._jacobian(u, speed), -self._flow(u, speed))
            u = u + move
            if not np.max(np.abs(move)) < 0.5 * size:  # it leaves for another branch
                return None
            if np.max(np.abs(move)) < 1e-10 * size:
                break
        else:
            return None
        return u if np.max(np.linalg.eigvals(self._jacobian(u, speed)).real) < 0.0 else None


def _ring(ring: Any) -> Any:
    lack = [
        name for name in ("k", "a", "A", "J0", "tau", "angles", "weights", "at") if not hasattr(ring, name)
    ]
    if lack or isinstance(ring, type):
        raise ValueError(f"{shown(ring)} is no ring; expected a model such as models.cann().")
    return ring


def _recorded(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """The inputs [T, n] and the position of the stimulus [T]."""
    u = np.asarray(recording["u"], float)
    if u.ndim != 2 or not np.array_equal(recording.cells["u"], np.arange(u.shape[1])):
        raise ValueError("u was recorded of some units only; an angle is read from all of them.")
    return u, np.asarray(recording.samples.get("position", np.full(len(u), np.nan)), float)


def _shape(ring: Any) -> np.ndarray | None:
    """The positive bump v = J v^2 [n], centred at 0; None without connections."""
    J, u = np.asarray(ring.weights(), float), np.exp(-0.25 * (np.asarray(ring.angles) / float(ring.a)) ** 2)
    if not np.any(J):
        return None
    for _ in range(200):
        before, u = u, J @ (u * u)
        u = u / u.max()
        if np.max(np.abs(u - before)) < 1e-15:
            break
    sent = J @ (u * u)
    return u * float(u @ u) / float(u @ sent)


def _weighed(activity: Any, angles: Any) -> tuple[np.ndarray, np.ndarray]:
    weights = np.maximum(numbers("activity", activity).astype(float), 0.0)
    n = weights.shape[-1] if weights.ndim else 0
    angles = -np.pi + 2.0 * np.pi * np.arange(n) / max(n, 1) if angles is None else np.asarray(angles, float)
    if angles.shape != (n,) or not n:
        raise ValueError(f"activity of shape {weights.shape} does not belong to {angles.size} angles.")
    return weights, angles
