"""A product that is opened beside what else is done, with what is slow to import."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..agents.product import Product


class Opening:
    """A product that is on its way, once `begun`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._product: Future[Product] | None = None

    def begun(self) -> Future[Product]:
        """The product to come."""
        if self._product is None:
            self._product = Future()
            Thread(target=self._open, args=(self._product,), daemon=True).start()
        return self._product

    def result(self) -> Product:
        """The product.

        Raises:
            ProductError: It cannot be opened.
        """
        return self.begun().result()

    def _open(self, product: Future[Product]) -> None:
        try:
            from ..agents.product import open_product

            product.set_result(open_product(self._name))
        except BaseException as error:  # noqa: BLE001 - it is raised where the product is used
            product.set_exception(error)
            return
        from . import conversation  # noqa: F401 - so that it is there when it is needed
