"""One picture: the same arguments give the same bytes, in any process."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import cv2
import numpy as np

from .breakfast_box import BREAKFAST_BOX
from .camera import place_camera
from .juice_bottle import JUICE_BOTTLE
from .levels import Conditions, Level, conditions_of
from .product import Product
from .pushpins import PUSHPINS
from .screw_bag import SCREW_BAG
from .splicing_connectors import SPLICING_CONNECTORS
from .stage import Stage
from .truth import Rendered, without_colours

PRODUCTS: Mapping[str, Product] = {
    product.name: product
    for product in (BREAKFAST_BOX, JUICE_BOTTLE, PUSHPINS, SCREW_BAG, SPLICING_CONNECTORS)
}
"""By category, as the data set names and orders them."""

SMALLEST = 160
"""Pixels of the shorter side of a picture, at the least."""


def render(
    category: str,
    defects: Collection[str] = (),
    seed: int | np.random.SeedSequence = 0,
    *,
    variant: int | None = None,
    conditions: Conditions | None = None,
    size: tuple[int, int] | None = None,
) -> Rendered:
    """Draw one product with the named defects, under the conditions of a production line if none are given.

    `variant` counts through the normal kinds of a product that has several, such as the juices; None leaves
    it to the seed.

    Raises:
        ValueError: The product has no such defect, or `size` (width, height) is too small to see anything.
        KeyError: There is no such category.
    """
    product = PRODUCTS[category]
    size = size or product.size
    if min(size) < SMALLEST:
        raise ValueError(f"a picture is at least {SMALLEST} pixels wide and high, not {size[0]}x{size[1]}")
    if unknown := set(defects) - {defect.name for defect in product.kinds.defects}:
        raise ValueError(f"{category} has no defect {', '.join(sorted(unknown))}")
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    layout, view, look, sensor = (np.random.default_rng(child) for child in sequence.spawn(4))
    conditions = conditions or conditions_of(Level.line)
    variant = int(layout.integers(60)) if variant is None else variant
    # One thread: pictures are drawn in parallel, and sums must not depend on how they were split.
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        camera = place_camera(view, product.frame, size, conditions, product.down)
        stage = Stage(camera, conditions, look, variant)
        truth = product.draw(stage, frozenset(defects), layout)
        picture = stage.expose(sensor)
    finally:
        cv2.setNumThreads(threads)
    parts = stage.parts()
    reasons = dict.fromkeys(truth.tell(without_colours(parts, size, product.labels)) if defects else ())
    return Rendered(picture, parts, truth.channels, tuple(reasons), product.labels)
