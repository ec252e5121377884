"""What the tools of a session work with: one product open for work, and the pictures of the session."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple

import cv2
from langchain_core.language_models import BaseChatModel

from ...schema import Finding, Grade, PictureError, Verdict
from ...tools.detectors import AnomalyMap, Detector
from ...tools.overlay import draw_overlay
from ...tools.parts import Pixels
from ...tools.pictures import Picture, read_picture
from ...tools.samples import sample_of
from ..detecting.eyes import call_detector
from ..graph import Inspector
from ..isolation import open_jail
from ..judge import status_of
from ..nodes import View
from ..product import Product
from ..reasoner import OFFLINE, make_reasoner
from ..workshop import Workshop
from .store import Store
from .turn import SessionPicture, Shown
from .worker import Worker

KEPT_BYTES: Final = 2**28
"""Of the pixels of inspected pictures that stay in memory, so that a question about one is answered soon."""
FEWEST_KEPT: Final = 2
"""However large they are, as two may be compared."""


class Inspected(NamedTuple):
    """A picture of the session, inspected."""

    verdict: Verdict
    view: View | None
    """None where it cannot be read."""


class Looked(NamedTuple):
    """What a detector saw."""

    detector: Detector
    anomaly: AnomalyMap
    view: View


class Desk:
    """A product open for work. Close it, or use it in a `with`; one thread at a time, its `worker`."""

    def __init__(
        self,
        product: Product,
        store: Store,
        reasoner: BaseChatModel | str = OFFLINE,
        isolation: Grade | None = None,
    ) -> None:
        """Rules run in a jail that holds at least `isolation`; `reasoner` writes them.

        Raises:
            SandboxError: The jail does not start, or holds less than is asked for.
        """
        self.product = product
        self.store = store
        self.reasoner = reasoner
        self.jail = open_jail(isolation)
        self.worker = Worker()
        self._marked: dict[tuple[str, str], str] = {}
        self._inspected: OrderedDict[tuple[str, str], Inspected] = OrderedDict()

    @property
    def model(self) -> BaseChatModel:
        """The chat model that `reasoner` is.

        Raises:
            AuthorError: There is no such reasoner.
        """
        return make_reasoner(self.reasoner) if isinstance(self.reasoner, str) else self.reasoner

    @cached_property
    def workshop(self) -> Workshop:
        """Where rules are written and proven; its reference pictures are seen when they are first needed."""
        return Workshop(self.product, jail=self.jail)

    def inspected(self, picture: SessionPicture) -> Inspected:
        """A picture by the rules as they are now; what was inspected by the same rules is not again.

        Raises:
            ProductError: The product has no proven rule.
        """
        key = (picture.sha256, self.product.rulebook().sha256)
        found = self._inspected.get(key)
        if found is None:
            verdict, view = Inspector(self.product, self.jail).look(self.store.path(picture.sha256))
            found = Inspected(verdict.model_copy(update={"sample": picture.name}), view)
            self._inspected[key] = found
        self._inspected.move_to_end(key)
        while len(self._inspected) > FEWEST_KEPT and self._kept_bytes > KEPT_BYTES:
            self._inspected.popitem(last=False)
        return found

    @property
    def _kept_bytes(self) -> int:
        return sum(found.view.pixels.nbytes for found in self._inspected.values() if found.view)

    def marked(self, picture: SessionPicture) -> str:
        """SHA-256 of a picture with its parts and what is wrong marked; empty where it cannot be read.

        Raises:
            ProductError: The product has no proven rule.
        """
        verdict, view = self.inspected(picture)
        key = (picture.sha256, self.product.rulebook().sha256)
        kept = self._marked.get(key, "")
        if view and not (kept and self.store.path(kept).is_file()):
            self._marked[key] = self.keep_picture(draw_overlay(view.pixels, view.scene, verdict))
        return self._marked.get(key, "")

    def drawn(self, picture: SessionPicture, view: View, findings: Sequence[Finding], caption: str) -> Shown:
        """A picture with findings marked that are no verdict, such as a model's."""
        said = Verdict(
            sample=picture.name,
            sha256=picture.sha256,
            status=status_of(findings),
            score=0.5,
            explanation=caption,
            findings=list(findings),
        )
        title = caption[:1].upper() + caption[1:]
        sha256 = self.keep_picture(draw_overlay(view.pixels, view.scene, said, title))
        return Shown(sha256=sha256, caption=caption, picture=picture.number)

    def view(self, picture: SessionPicture) -> View:
        """What is seen in a picture, whether the product has rules or not.

        Raises:
            PictureError: It cannot be read, or has another shape than the taught ones.
        """
        for (sha256, _), found in self._inspected.items():
            if sha256 == picture.sha256 and found.view:
                return found.view
        try:
            pixels, seen = self.product.see(self.read(picture))
        except PictureError as error:
            raise PictureError(str(error).replace(picture.sha256, picture.name)) from None
        return View(pixels, seen.scene)

    def read(self, picture: SessionPicture) -> Picture:
        """The decoded picture, under the name that a person knows it by.

        Raises:
            PictureError: It cannot be read.
        """
        return replace(read_picture(self.store.path(picture.sha256)), path=Path(picture.name))

    def suspicion(self, picture: SessionPicture, detector: str) -> Looked:
        """What a detector sees in a picture, at the size that the product was taught with.

        Raises:
            DetectorError: There is no such detector, or something that it needs is missing.
            PictureError: The picture cannot be read.
        """
        eye = call_detector(self.product, detector)
        view = self.view(picture)
        (anomaly,) = eye.predict([sample_of(view.pixels, picture.name, self.product.in_words)])
        return Looked(eye, anomaly, view)

    def keep_picture(self, pixels: Pixels) -> str:
        """Put a picture that was drawn into the store, as PNG; returns its SHA-256."""
        # Twice as fast as better compression, and hardly larger.
        _, content = cv2.imencode(".png", pixels[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
        return self.store.put(content.tobytes())

    def close(self) -> None:
        """Stop the sandbox."""
        self.jail.close()

    def __enter__(self) -> Desk:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
