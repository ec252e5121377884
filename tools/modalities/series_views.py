"""A time series as line plots: one panel a channel, with axes, units, and the range of good ones."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ...schema import PictureError
from ..palette import PAPER
from ..pictures import shown
from .cloud import Numbers
from .series import Series, read_series
from .view import Pixels, View, ViewSettings, captioned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI: Final = 100
_PANEL: Final = 190
"""Least height of a panel in pixels."""
_PANELS: Final = 4
"""On one view; further channels come on further views."""
_LINE, _BAND = "#1f5fa8", "#8fc07f"
MAX_REFERENCES: Final = 100


def draw_series(path: Path, settings: ViewSettings) -> list[View]:
    """Line plots of a file's channels, four on a view, with the range of `settings.references` behind them.

    Raises:
        PictureError: A file is damaged, a reference has other channels, or matplotlib is not installed.
    """
    series = read_series(path)
    band = _band(path, series, settings.references)
    views = []
    for start in range(0, len(series.channels), _PANELS):
        chosen = list(range(start, min(start + _PANELS, len(series.channels))))
        names = ", ".join(series.channels[one].name for one in chosen)
        caption = f"{names} over {series.axis.name}"
        if band is not None:
            caption += f"; green: range of {len(settings.references)} good ones"
        pixels = _plotted(series, band, chosen, settings.size)
        views.append(View(f"series_{start // _PANELS + 1}", captioned(pixels, caption), caption))
    return views


def envelope(time: Numbers, values: Numbers, columns: int) -> tuple[Numbers, Numbers]:
    """Fewer points, (P,) and (P,), that draw the same line: first, least, greatest and last of each column.

    A spike of one sample is kept. Gaps stay gaps.
    """
    if len(values) <= 4 * columns:
        return time, values
    kept: list[int] = []
    for part in np.array_split(np.arange(len(values)), columns):
        inside = values[part]
        picked = {int(part[0]), int(part[-1])}
        if np.isfinite(inside).any():
            picked |= {int(part[np.nanargmin(inside)]), int(part[np.nanargmax(inside)])}
        gaps = np.flatnonzero(~np.isfinite(inside))
        if len(gaps):
            picked |= {int(part[gaps[0]])}
        kept += sorted(picked)
    return time[kept], values[kept]


def _band(path: Path, series: Series, references: Sequence[Path]) -> tuple[Numbers, Numbers] | None:
    """Least and greatest values, (T, C) each, that good series have at the same times."""
    if not references:
        return None
    if len(references) > MAX_REFERENCES:
        raise PictureError(f"{len(references)} references are given; at most {MAX_REFERENCES}")
    low, high = (np.full(series.values.shape, np.nan) for _ in range(2))
    for reference in references:
        good = read_series(reference)
        if good.channels != series.channels:
            wanted = ", ".join(map(str, series.channels))[:80]
            raise PictureError(f"{shown(reference)}: has other channels than {shown(path)} ({shown(wanted)})")
        for channel in range(len(series.channels)):
            known = np.isfinite(good.values[:, channel])
            if not known.any():
                continue
            times, values = good.time[known], good.values[known, channel]
            same = np.interp(series.time, times, values, left=np.nan, right=np.nan)
            low[:, channel] = np.fmin(low[:, channel], same)
            high[:, channel] = np.fmax(high[:, channel], same)
    return low, high


def _plotted(series: Series, band: tuple[Numbers, Numbers] | None, chosen: list[int], size: int) -> Pixels:
    """Panels of the chosen channels, one below the other, over the same time."""
    figure = _figure(size, max(round(size * 0.62), _PANEL * len(chosen)))
    panels = figure.subplots(len(chosen), 1, sharex=True, squeeze=False)[:, 0]
    for panel, channel in zip(panels, chosen, strict=True):
        if band is not None:
            _draw_band(panel, series.time, [edge[:, channel] for edge in band], size)
        _draw_line(panel, *envelope(series.time, series.values[:, channel], size))
        what = series.channels[channel]
        # A header is foreign text: a dollar sign in it starts no formula.
        panel.set_title(_short(what.name, size), fontsize=9, loc="left", parse_math=False)
        panel.set_ylabel(_short(what.unit, size // 4), fontsize=9, parse_math=False)
        panel.tick_params(labelsize=8)
        panel.grid(visible=True, color="#dddddd", linewidth=0.6)
        panel.margins(x=0.01)
    panels[-1].set_xlabel(_short(str(series.axis), size), fontsize=9, parse_math=False)
    return _rendered(figure)


def _draw_line(panel: Axes, time: Numbers, values: Numbers) -> None:
    panel.plot(time, values, color=_LINE, linewidth=1.2)
    known = np.pad(np.isfinite(values), 1)
    alone = known[1:-1] & ~known[:-2] & ~known[2:]  # no line leads there
    panel.plot(time[alone], values[alone], ".", color=_LINE)


def _draw_band(panel: Axes, time: Numbers, edges: Sequence[Numbers], size: int) -> None:
    few = [envelope(time, edge, size) for edge in edges]
    moments = np.unique(np.concatenate([moment for moment, _ in few]))
    low, high = (np.interp(moments, *edge) for edge in few)
    panel.fill_between(moments, low, high, color=_BAND, linewidth=0)


def _figure(width: int, height: int) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise PictureError(
            "time series are drawn with matplotlib, which is not installed; pip install 'logisight[plots]'"
        ) from None
    red, green, blue = (value / 255 for value in PAPER)
    return Figure((width / _DPI, height / _DPI), dpi=_DPI, facecolor=(red, green, blue), layout="constrained")


def _rendered(figure: Figure) -> Pixels:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of letters that the font lacks
        canvas.draw()
    return np.array(canvas.buffer_rgba(), np.uint8)[..., :3].copy()


def _short(text: str, pixels: int) -> str:
    """As much of a text as fits at eight pixels a letter."""
    most = max(4, pixels // 8)
    return text if len(text) <= most else text[: most - 1] + "…"
