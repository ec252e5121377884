"""Views of a point cloud: shaded from several sides, and its depth in colours with a scale."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...schema import PictureError
from ..lettering import draw_text, text_width
from ..palette import INK, PAPER
from ..pictures import shown
from .camera import Camera, cameras_around
from .cleaning import cleaned
from .cloud import Cloud, Numbers, spacing
from .organised import read_organised
from .pcd import read_pcd
from .ply import read_ply
from .splatting import Drawn, Floats, splat
from .view import CAPTION_SIZE, Angles, Axes, Pixels, View, ViewSettings, captioned
from .voxels import normals_of

READERS: Final = {".ply": read_ply, ".pcd": read_pcd, ".tif": read_organised, ".tiff": read_organised}

_NORMAL_EDGE: Final = 2.0
"""Edge of the cubes in which normals are found, in spacings of points."""
_BAR: Final = 64
"""Width of the strip with the scale, in pixels."""


@dataclass(frozen=True, eq=False)
class CloudView(View):
    """A view that knows where its pixels lie in space."""

    camera: Camera = field(kw_only=True, repr=False)
    depth: Floats = field(kw_only=True, repr=False)
    """(S, S) away from the viewer, in units of the file from the plane through the camera's centre; NaN
    where nothing is. The scale and the caption of the pixels lie outside of it, to the right and below."""
    thickness: float = field(kw_only=True, repr=False)

    def points_in(self, box: tuple[float, float, float, float], points: Numbers) -> NDArray[np.bool_]:
        """Which points, (N, 3), are seen inside a box of this view, (N,).

        `box` is left, top, right, bottom in pixels. Points behind the surface that is seen are not.
        """
        at = self.camera.project(points)
        left, top, right, bottom = box
        size = self.camera.size
        x, y = at[:, 0], at[:, 1]
        inside = (x >= max(left, 0)) & (x < min(right, size)) & (y >= max(top, 0)) & (y < min(bottom, size))
        chosen = np.flatnonzero(inside)
        front = self.depth[y[chosen].astype(int), x[chosen].astype(int)]
        inside[chosen] = at[chosen, 2] <= front + self.thickness
        return np.asarray(inside)


def read_cloud(path: Path) -> Cloud:
    """The points of a PLY, PCD or organised TIFF file.

    Raises:
        PictureError: It is of another kind, damaged, too large, or holds no point.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise PictureError(f"{shown(path)}: is no point cloud; {', '.join(READERS)} are read")
    return reader(path)


def draw_cloud(cloud: Cloud, settings: ViewSettings) -> list[CloudView]:
    """One shaded view for each of the angles, all to the same scale, then the depth at the first."""
    said = ""
    if settings.clean:
        cloud, done = cleaned(cloud)
        said = f", {done}"
    along_z = settings.axes is Axes.camera or (settings.axes is Axes.auto and cloud.grid is not None)
    apart = spacing(cloud.points)
    normals = normals_of(cloud.points, _NORMAL_EDGE * apart)
    views = []
    for turn, camera in zip(
        settings.angles,
        cameras_around(cloud.points, settings.angles, settings.size, along_z),
        strict=True,
    ):
        drawn = splat(camera, cloud.points, normals, cloud.colours, apart)
        views.append(_view("shaded", turn, drawn.shaded, drawn, camera, said))
        if settings.depth and turn is settings.angles[0] and len(views) == 1:
            depth_view = _view("depth", turn, _coloured(drawn.depth), drawn, camera, said)
    return [*views, depth_view] if settings.depth else views


def _view(kind: str, turn: Angles, pixels: Pixels, drawn: Drawn, camera: Camera, said: str) -> CloudView:
    degrees = "_".join(f"{axis}{angle:+g}" for axis, angle in zip("xyz", turn, strict=True))
    caption = f"{kind if kind == 'shaded' else 'distance from the viewer'}, {_in_words(turn)}{said}"
    return CloudView(
        f"{kind}_{degrees}",
        captioned(pixels, caption),
        caption,
        camera=camera,
        depth=drawn.depth,
        thickness=drawn.thickness,
    )


def _in_words(turn: Angles) -> str:
    """What a turn shows, as seen by the viewer."""
    turned = [f"{axis} {angle:+g}°" for axis, angle in zip("xyz", turn, strict=True) if angle]
    return f"turned about {', '.join(turned)}" if turned else "front"


def _coloured(depth: Floats) -> Pixels:
    """Distance from the nearest point seen, near yellow and far blue, and the scale that says so."""
    known = np.isfinite(depth)
    if not known.any():
        low, reach = 0.0, 0.0
    else:
        low, high = float(depth[known].min()), float(depth[known].max())
        reach = high - low
    share = np.where(known, (depth - low) / (reach or 1), 0)
    size = depth.shape[0]
    pixels = np.full((size, size + _BAR, 3), PAPER, np.uint8)
    pixels[:, :size] = np.where(known[..., None], _palette(share), np.uint8(255))
    _draw_scale(pixels, size, reach)
    return pixels


def _draw_scale(pixels: Pixels, left: int, reach: float) -> None:
    top, bottom = CAPTION_SIZE, pixels.shape[0] - CAPTION_SIZE
    ramp = _palette(np.linspace(0, 1, bottom - top)[:, None])
    pixels[top:bottom, left + 4 : left + 14] = ramp
    for part in (0.0, 0.25, 0.5, 0.75, 1.0):
        text = f"{part * reach:.3g}"
        size = CAPTION_SIZE - 2
        while text_width(text, size) > _BAR - 18 and size > 8:
            size -= 1
        y = round(top + part * (bottom - 1 - top))
        draw_text(pixels, text, (left + 17, y + size // 3), size, INK)


def _palette(share: NDArray[np.floating]) -> Pixels:
    """Colours, RGB, of shares from 0 (near) to 1 (far)."""
    values = np.rint((1 - share) * 255).astype(np.uint8)
    return np.asarray(cv2.applyColorMap(values, cv2.COLORMAP_VIRIDIS)[..., ::-1], np.uint8)
