"""How hard a line is to see: what camera, light, sensor and people do to the pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Level(StrEnum):
    """How hard the pictures of a line are."""

    easy = "easy"
    """A laboratory: even light, everything apart, hardly any noise."""
    line = "line"
    """A production line: light gradients, shadows, reflections, noise, parts that touch and overlap."""
    hard = "hard"
    """A production line on a bad day."""


class Disturbance(StrEnum):
    """What may go wrong with the camera or the lamp, as in robust anomaly detection (RAD)."""

    viewpoint = "viewpoint"
    uneven_light = "uneven_light"
    blur = "blur"


@dataclass(frozen=True)
class Conditions:
    """The largest amount of each effect; every picture draws its own amounts."""

    shift: float
    """Of the camera, share of the picture's diagonal."""
    turn: float
    """Of the camera, degrees."""
    zoom: float
    """Of the camera, share of its scale."""
    tilt: float
    """Of the camera: how much larger the near edge of the picture appears than its middle."""
    gradient: float
    """Of the light from one side of the picture to the other, share."""
    shade: float
    """Depth of a soft shadow that something outside the picture throws, share."""
    glare: float
    """Strength of reflections of the lamp, 1 for those of a production line."""
    tint: float
    """Of the light's colour, share of a channel."""
    noise: float
    """1 for a good sensor at daylight."""
    blur: float
    """Sigma of lens and motion, px of a picture of 800x500."""
    clutter: int
    """Crumbs, dust and smears that are part of a good product."""
    crowding: float
    """Chance that parts lie on one another, 0 to 1."""


_LEVELS = {
    Level.easy: Conditions(0.002, 0.5, 0.005, 0.0, 0.05, 0.0, 0.4, 0.01, 0.5, 0.35, 6, 0.0),
    Level.line: Conditions(0.006, 2.0, 0.015, 0.012, 0.16, 0.12, 1.0, 0.03, 1.0, 0.6, 30, 0.25),
    Level.hard: Conditions(0.008, 3.0, 0.02, 0.02, 0.26, 0.22, 1.7, 0.05, 2.2, 0.95, 60, 0.7),
}


def conditions_of(level: Level, disturbances: Iterable[Disturbance] = ()) -> Conditions:
    """The conditions of a level, with what is disturbed on top."""
    conditions = _LEVELS[level]
    for disturbance in disturbances:
        match disturbance:
            case Disturbance.viewpoint:
                conditions = replace(conditions, turn=conditions.turn + 4, tilt=conditions.tilt + 0.05)
            case Disturbance.uneven_light:
                conditions = replace(
                    conditions, gradient=conditions.gradient + 0.25, shade=conditions.shade + 0.25
                )
            case Disturbance.blur:
                conditions = replace(conditions, blur=conditions.blur + 1.2)
    return conditions
