"""The closed form against the objective it solves, and the identities that follow from it."""

import numpy as np
import pytest
from logisight.tools.detectors.grnr.grain import grain_of, grain_scores
from logisight.tools.detectors.grnr.regression import (
    distances,
    expressed,
    mean_distance,
    neighbours_of,
    pooled,
    residuals,
    rows_of,
    usual,
)

FAINT = 1e-12
"""A ridge that does not change what is compared."""


@pytest.fixture
def cells():
    return np.random.default_rng(3).random((24, 9, 11)).astype(np.float32)


def test_the_projection_is_the_published_closed_form(cells):
    support, strength = 12, 5.0
    queries = rows_of(pooled(cells)).astype(np.float64)
    typical = usual(rows_of(pooled(cells)), support).astype(np.float64)
    inside = (np.indices((9, 11)) > 0).all(axis=0) & (np.indices((9, 11)).T < (8, 10)).all(axis=2).T
    found = residuals(
        cells, support=support, regularisation=strength, pooled_neighbours=True, ridge=FAINT
    ).astype(np.float64)
    for place in np.flatnonzero(inside.ravel()):
        around = neighbours_of(pooled(cells))[place].astype(np.float64)
        gram = (1 + strength * support) * around @ around.T
        right = queries[place] @ around.T + strength * (typical @ around.T).sum(axis=0)
        expected = np.linalg.norm(queries[place] - np.linalg.solve(gram, right) @ around)
        assert found.ravel()[place] == pytest.approx(expected, rel=1e-3)


def test_no_other_weights_make_the_objective_smaller():
    random = np.random.default_rng(0)
    query, around, typical = random.random(30), random.random((8, 30)), random.random((6, 30))

    def objective(weights):
        made = weights @ around
        return np.square(query - made).sum() + 5 * np.square(typical - made).sum()

    target = (query + 5 * typical.sum(axis=0)) / (1 + 5 * 6)
    made = expressed(target[None], around[None], FAINT)[0]
    best = np.linalg.lstsq(around.T, made, rcond=None)[0]
    for _ in range(50):
        assert objective(best) <= objective(best + random.normal(0, 1e-2, 8))


def test_with_raw_neighbours_alone_the_residual_is_a_ninth_of_that_of_the_raw_cell(cells):
    found = residuals(cells, support=1, regularisation=0, pooled_neighbours=False, ridge=FAINT)
    raw = rows_of(cells).astype(np.float64)
    around = neighbours_of(cells).astype(np.float64)
    alone = np.linalg.norm(raw - expressed(raw, around, FAINT), axis=1).reshape(9, 11)
    np.testing.assert_allclose(found[1:-1, 1:-1], alone[1:-1, 1:-1] / 9, rtol=1e-3)


def test_self_filtering_leaves_out_the_distance_to_oneself():
    rows = np.random.default_rng(5).normal(size=(30, 7)).astype(np.float32)
    expected = [
        np.mean([np.linalg.norm(one - other) for place, other in enumerate(rows) if place != mine])
        for mine, one in enumerate(rows)
    ]
    np.testing.assert_allclose(mean_distance(rows), expected, rtol=1e-4)
    np.testing.assert_array_equal(usual(rows, 4), rows[np.argsort(expected)[:4]])


def test_distances_hold_far_from_the_origin():
    rows = (1000 + np.random.default_rng(2).normal(size=(20, 5))).astype(np.float32)
    expected = np.linalg.norm(rows[:, None].astype(np.float64) - rows[None], axis=2)
    np.testing.assert_allclose(distances(rows), expected, atol=2e-3)


def test_more_support_than_cells_takes_all_cells():
    rows = np.random.default_rng(1).random((6, 3)).astype(np.float32)
    assert len(usual(rows, 40)) == 6


def test_mirrored_neighbours_at_the_border_do_not_break_the_solution(cells):
    found = residuals(cells * 0 + 3, support=40, regularisation=5, pooled_neighbours=True, ridge=1e-4)
    assert np.isfinite(found).all()
    assert np.ptp(found) < 1e-5


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 2)])
def test_maps_of_few_cells_are_finite(shape):
    few = np.random.default_rng(0).random((4, *shape)).astype(np.float32)
    assert np.isfinite(residuals(few, support=40, regularisation=5, pooled_neighbours=True, ridge=1e-4)).all()
    assert np.isfinite(grain_scores([few], along=0, seed=0)).all()


def test_the_grain_is_followed_whichever_way_it_runs(cells):
    columns = grain_scores([cells], along=0, seed=0)
    rows = grain_scores([cells.transpose(0, 2, 1)], along=1, seed=0)
    np.testing.assert_allclose(rows, columns.T, rtol=1e-4)


def test_the_grain_runs_along_the_stripes():
    stripes = np.tile(np.random.default_rng(0).random(40, np.float32), (30, 1))
    assert grain_of(stripes) == 0
    assert grain_of(stripes.T) == 1
    assert grain_of(np.zeros((1, 1), np.float32)) == 0


def test_light_that_changes_across_the_grain_is_no_anomaly():
    random = np.random.default_rng(4)
    noise = random.normal(0, 0.05, (16, 30, 30))
    lit = (noise + np.linspace(0, 5, 30)).astype(np.float32) + 1
    lit[:, 14:17, 2:5] += 1
    found = grain_scores([lit], along=0, seed=0)
    y, x = np.unravel_index(found.argmax(), found.shape)
    assert 13 <= y <= 17
    assert 1 <= x <= 5


def test_many_channels_are_projected_alike_every_time():
    wide = np.random.default_rng(0).random((400, 8, 8)).astype(np.float32)
    first, second, other = (grain_scores([wide], along=0, seed=seed) for seed in (1, 1, 2))
    assert first.tobytes() == second.tobytes()
    np.testing.assert_allclose(first, other, rtol=0.5)
