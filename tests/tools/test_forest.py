"""The pixel classifier: same answers after a save, and hostile arrays refused."""

from __future__ import annotations

import numpy as np
import pytest
from logisight.schema import ProductError
from logisight.tools.forest import Forest


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(0)
    features = random.normal(size=(2000, 5)).astype(np.float32)
    return features, (features[:, 0] > 0).astype(np.intp) + (features[:, 1] > 1)


def fitted(features, classes, count=3, **others):
    return Forest.fit(features, classes, np.ones(len(classes)), count, **others)


@pytest.fixture(scope="module")
def forest(data):
    return fitted(*data)


def test_probabilities_sum_to_one_and_find_the_class(forest, data):
    probability = forest.predict(data[0])
    assert probability.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (probability.argmax(axis=1) == data[1]).mean() > 0.95


def test_rows_that_weigh_more_win(data):
    features = np.zeros((200, 1), np.float32)
    classes = np.arange(200, dtype=np.intp) % 2
    forest = Forest.fit(features, classes, np.where(classes == 1, 3.0, 1.0), 2)
    assert forest.predict(features[:1])[0] == pytest.approx([0.25, 0.75])


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_class_without_rows_has_no_chance(data, missing):
    features, classes = (rows[data[1] != missing] for rows in data)
    probability = fitted(features, classes).predict(features)
    assert probability.shape == (len(features), 3)
    assert not probability[:, missing].any()


def test_arrays_make_the_same_forest(forest, data):
    again = Forest(forest.arrays)
    assert np.array_equal(forest.predict(data[0]), again.predict(data[0]))


@pytest.mark.parametrize("name", ["left_child", "feature", "threshold", "value", "tree_size", "n_features"])
def test_a_missing_array_is_named(forest, name):
    arrays = dict(forest.arrays)
    del arrays[name]
    with pytest.raises(ProductError, match=name):
        Forest(arrays)


def point_back(arrays):
    inner = np.flatnonzero(arrays["left_child"] > 0)[3]
    arrays["left_child"][inner] = 0


def point_outside(arrays):
    arrays["right_child"][0] = 10**8


def strange_feature(arrays):
    arrays["feature"][0] = 5


def half_a_leaf(arrays):
    arrays["left_child"][0] = -1


def wrong_size(arrays):
    arrays["tree_size"][0] += 1


def not_a_number(arrays):
    arrays["value"][0, 0] = np.nan


def not_numbers_of_features(arrays):
    arrays["n_features"] = np.array([], np.int64)


def other_type(arrays):
    arrays["left_child"] = arrays["left_child"].astype(np.float64)


def no_value(arrays):
    arrays["value"] = np.float32(1).reshape(())


def no_trees(arrays):
    for name in arrays:
        arrays[name] = arrays[name][:0]


def huge_size(arrays):
    arrays["tree_size"] = np.array([2**62, 2**62, 2**62, 2**62 + len(arrays["value"])], np.int64)


def negative_size(arrays):
    arrays["tree_size"][0] = -5


@pytest.mark.parametrize(
    "damage",
    [
        point_back,
        point_outside,
        strange_feature,
        half_a_leaf,
        wrong_size,
        not_a_number,
        negative_size,
        not_numbers_of_features,
        other_type,
        no_value,
        no_trees,
        huge_size,
    ],
)
def test_trees_that_cannot_be_are_refused(forest, damage):
    arrays = {name: array.copy() for name, array in forest.arrays.items()}
    damage(arrays)
    with pytest.raises(ProductError, match="damaged"):
        Forest(arrays)
