"""A pixel classifier: extremely randomised trees on pixel features, saved as safetensors.

Geurts et al., "Extremely randomized trees", Machine Learning 2006. scikit-learn grows and evaluates the
trees; only their arrays are stored, and they are checked before they are handed back to it, so that a
hostile file can at worst be refused. scikit-learn takes a second to import, so it is when trees are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..schema import ProductError

if TYPE_CHECKING:
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.tree import ExtraTreeClassifier

TREES = 60
_LEAF = -1
_NODE_FIELDS = {
    "left_child": np.int32,
    "right_child": np.int32,
    "feature": np.int32,
    "threshold": np.float64,
}
_ARRAYS = {**_NODE_FIELDS, "value": np.float32, "tree_size": np.int64, "n_features": np.int64}
"""Every array of a stored forest and its type."""


class Forest:
    """Class probabilities of pixels; classes are 0 .. classes - 1."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Put a forest back together.

        Raises:
            ProductError: An array is missing or describes trees that cannot be.
        """
        missing = set(_ARRAYS) - set(arrays)
        if missing:
            raise ProductError(f"the part model lacks {', '.join(sorted(missing))}; teach the product again")
        if not (_well_formed(arrays) and _well_linked(arrays)):
            raise ProductError(
                "the part model is damaged: its trees do not hold together; teach the product again"
            )
        self.arrays = {name: arrays[name] for name in _ARRAYS}
        """The forest as plain arrays; another one is made of them."""
        self.features = int(arrays["n_features"][0])
        self.classes = int(arrays["value"].shape[1])

    @classmethod
    def fit(
        cls,
        features: NDArray[np.float32],
        classes: NDArray[np.intp],
        weights: NDArray[np.float64],
        count: int,
        trees: int = TREES,
        seed: int = 0,
    ) -> Forest:
        """Grow a forest on (N, F) features and (N,) numbers of `count` classes, some of which may be missing.

        `weights`, (N,), say how much each row counts.
        """
        from sklearn.ensemble import ExtraTreesClassifier

        grown = ExtraTreesClassifier(
            trees, min_samples_leaf=3, max_features="sqrt", random_state=seed, n_jobs=-1
        )
        grown.fit(features, classes, sample_weight=weights)
        # Through its arrays, so that a taught forest and a loaded one give the same masks to the last bit.
        return cls(_arrays(grown, count))

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (N, K), each row summing to 1, of (N, F) features."""
        return np.asarray(self._trees.predict_proba(features), np.float32)

    @cached_property
    def _trees(self) -> ExtraTreesClassifier:
        from sklearn.ensemble import ExtraTreesClassifier

        starts = np.concatenate([[0], np.cumsum(self.arrays["tree_size"])])
        estimators = [
            _tree({f: self.arrays[f][a:b] for f in (*_NODE_FIELDS, "value")}, self.features, self.classes)
            for a, b in pairwise(starts)
        ]
        forest = ExtraTreesClassifier(len(estimators), n_jobs=-1)
        forest.estimators_ = estimators
        forest.n_features_in_ = self.features
        forest.n_outputs_ = 1
        forest.n_classes_ = self.classes
        forest.classes_ = np.arange(self.classes)
        return forest


def _arrays(forest: ExtraTreesClassifier, count: int) -> dict[str, NDArray[Any]]:
    """The nodes of all trees; classes that a forest does not know get the probability 0."""
    nodes = [tree.tree_.__getstate__()["nodes"] for tree in forest.estimators_]
    arrays: dict[str, NDArray[Any]] = {
        field: np.concatenate([n[field] for n in nodes]).astype(dtype)
        for field, dtype in _NODE_FIELDS.items()
    }
    values = np.concatenate([tree.tree_.value[:, 0, :] for tree in forest.estimators_])
    arrays["value"] = np.zeros((len(values), count), np.float32)
    arrays["value"][:, forest.classes_] = values
    arrays["tree_size"] = np.array([len(n) for n in nodes], np.int64)
    arrays["n_features"] = np.array([forest.n_features_in_], np.int64)
    return arrays


def _well_formed(arrays: Mapping[str, NDArray[Any]]) -> bool:
    """Whether every array has the type and the shape that `Forest.arrays` gives it."""
    if any(arrays[name].dtype != dtype for name, dtype in _ARRAYS.items()):
        return False
    sizes, value, features = arrays["tree_size"], arrays["value"], arrays["n_features"]
    if sizes.ndim != 1 or value.ndim != 2 or features.shape != (1,) or not len(sizes):
        return False
    total = len(value)
    within = bool((sizes > 0).all() and (sizes <= total).all() and sizes.sum() == total)
    shapes = all(arrays[name].shape == (total,) for name in _NODE_FIELDS)
    return within and shapes and value.shape[1] > 0 and bool(np.isfinite(value).all())


def _well_linked(arrays: Mapping[str, NDArray[Any]]) -> bool:
    """Whether no node sends scikit-learn outside of the arrays of its tree, or round in a circle."""
    sizes = arrays["tree_size"]
    own = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    size = np.repeat(sizes, sizes)
    left, right, feature = arrays["left_child"], arrays["right_child"], arrays["feature"]
    leaf = (left == _LEAF) & (right == _LEAF)
    inner = (left > own) & (right > own) & (left < size) & (right < size)
    known = (feature >= 0) & (feature < arrays["n_features"][0])
    return bool((leaf | (inner & known)).all())


def _tree(arrays: Mapping[str, NDArray[Any]], features: int, classes: int) -> ExtraTreeClassifier:
    from sklearn.tree import ExtraTreeClassifier
    from sklearn.tree._tree import Tree

    tree = Tree(features, np.array([classes], np.intp), 1)
    nodes = np.zeros(len(arrays["feature"]), dtype=tree.__getstate__()["nodes"].dtype)
    for field in _NODE_FIELDS:
        nodes[field] = arrays[field]
    values = np.ascontiguousarray(arrays["value"][:, None, :], np.float64)
    tree.__setstate__({"max_depth": 1, "node_count": len(nodes), "nodes": nodes, "values": values})
    estimator = ExtraTreeClassifier()
    estimator.tree_ = tree
    estimator.n_features_in_ = features
    estimator.n_outputs_ = 1
    estimator.n_classes_ = classes
    estimator.classes_ = np.arange(classes)
    return estimator
