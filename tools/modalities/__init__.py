"""Samples that are no single picture, as pictures: point clouds, time series, videos, sets of pictures."""

from .camera import Camera
from .cloud import Cloud
from .cloud_views import CloudView, draw_cloud, read_cloud
from .reading import kind_of, read_views
from .series import Series, read_series
from .series_views import draw_series
from .sheets import tile_pictures
from .video import draw_video
from .view import ALL_ANGLES, FEW_ANGLES, Angles, Axes, Kind, View, ViewSettings

__all__ = [
    "ALL_ANGLES",
    "FEW_ANGLES",
    "Angles",
    "Axes",
    "Camera",
    "Cloud",
    "CloudView",
    "Kind",
    "Series",
    "View",
    "ViewSettings",
    "draw_cloud",
    "draw_series",
    "draw_video",
    "kind_of",
    "read_cloud",
    "read_series",
    "read_views",
    "tile_pictures",
]
