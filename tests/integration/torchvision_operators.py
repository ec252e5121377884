"""Lets a CUDA build of torchvision be imported beside a CPU build of torch.

PyPI has torchvision for CUDA only. Its own library cannot be loaded there, and then its import fails on two
operators that nothing here calls. `vllm_server.build` copies this file into the server's environment, where
a .pth file imports it at every start of Python, the server's workers included.
"""

from __future__ import annotations

import importlib.abc
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_kept = []
"""What torch forgets once it is collected."""


class DeclareOperators(importlib.abc.MetaPathFinder):
    """Declares the operators when torchvision is about to be imported, and finds no module itself."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == "torchvision":
            sys.meta_path.remove(self)
            import torch

            if torch.version.cuda is None:
                library = torch.library.Library("torchvision", "DEF")
                for name in ("nms", "qnms"):
                    library.define(name + SIGNATURE)
                _kept.append(library)
        return None


sys.meta_path.insert(0, DeclareOperators())
