"""The closed form against the objective it solves, and the identities that follow from it."""

import numpy as np
import pytest
from logisight.tools.detectors.grnr.distances import mean_distance, squared_distances
from logisight.tools.detectors.grnr.grain import grain_scores
from logisight.tools.detectors.grnr.regression import pooled, residuals, usual

FAINT = 1e-12
"""A ridge that does not change what is compared."""


@pytest.fixture
def cells():
    return np.random.default_rng(3).random((9, 11, 24)).astype(np.float32)


def inside(cells):
    """Every cell (float64) that has eight neighbours, and them."""
    wide = cells.astype(np.float64)
    ring = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x]
    for y in range(1, wide.shape[0] - 1):
        for x in range(1, wide.shape[1] - 1):
            yield (y, x), np.array([wide[y + down, x + right] for down, right in ring])


@pytest.mark.parametrize("strength", [0.0, 0.05, 5.0])
@pytest.mark.parametrize("of_pooled", [True, False])
def test_the_residual_is_that_of_the_published_closed_form(cells, strength, of_pooled):
    support = 12
    averaged = pooled(cells)
    typical = usual(averaged, support).astype(np.float64)
    found = residuals(
        cells, support=support, regularisation=strength, pooled_neighbours=of_pooled, ridge=FAINT
    )
    for place, around in inside(averaged if of_pooled else cells):
        query = averaged[place].astype(np.float64)
        gram = (1 + strength * support) * around @ around.T
        right = query @ around.T + strength * (typical @ around.T).sum(axis=0)
        expected = np.linalg.norm(query - np.linalg.solve(gram, right) @ around)
        assert found[place] == pytest.approx(expected, rel=1e-3)


def test_no_other_weights_make_the_objective_smaller(cells):
    averaged = pooled(cells)
    typical = usual(averaged, 6).astype(np.float64)
    random = np.random.default_rng(0)

    def objective(weights, query, around):
        made = weights @ around
        return np.square(query - made).sum() + 5 * np.square(typical - made).sum()

    found = residuals(cells, support=6, regularisation=5, pooled_neighbours=True, ridge=FAINT)
    for place, around in list(inside(averaged))[::9]:
        query = averaged[place].astype(np.float64)
        target = (query + 5 * typical.sum(axis=0)) / (1 + 5 * 6)
        best = np.linalg.lstsq(around.T, target, rcond=None)[0]
        assert np.linalg.norm(query - best @ around) == pytest.approx(found[place], rel=1e-3)
        for _ in range(20):
            other = best + random.normal(0, 1e-2, 8)
            assert objective(best, query, around) <= objective(other, query, around)


def test_with_raw_neighbours_alone_the_residual_is_a_ninth_of_that_of_the_raw_cell(cells):
    found = residuals(cells, support=1, regularisation=0, pooled_neighbours=False, ridge=FAINT)
    for place, around in inside(cells):
        weights = np.linalg.lstsq(around.T, cells[place].astype(np.float64), rcond=None)[0]
        assert found[place] == pytest.approx(np.linalg.norm(cells[place] - weights @ around) / 9, rel=1e-3)


def test_a_mean_over_neighbours_is_mirrored_at_the_border(cells):
    corner = cells[[1, 0, 1]][:, [1, 0, 1]].mean(axis=(0, 1))
    np.testing.assert_allclose(pooled(cells)[0, 0], corner, rtol=1e-5)
    np.testing.assert_allclose(pooled(cells)[4, 5], cells[3:6, 4:7].mean(axis=(0, 1)), rtol=1e-5)


def test_self_filtering_leaves_out_the_distance_to_oneself():
    rows = np.random.default_rng(5).normal(size=(30, 7)).astype(np.float32)
    expected = [
        np.mean([np.linalg.norm(one - other) for place, other in enumerate(rows) if place != mine])
        for mine, one in enumerate(rows)
    ]
    np.testing.assert_allclose(mean_distance(rows), expected, rtol=1e-4)
    np.testing.assert_array_equal(usual(rows.reshape(5, 6, 7), 4), rows[np.argsort(expected)[:4]])


def test_distances_hold_far_from_the_origin():
    rows = (1000 + np.random.default_rng(2).normal(size=(20, 5))).astype(np.float32)
    expected = np.linalg.norm(rows[:, None].astype(np.float64) - rows[None], axis=2)
    np.testing.assert_allclose(np.sqrt(squared_distances(rows)), expected, atol=2e-3)


def test_distances_of_more_rows_than_a_piece_holds():
    rows = np.random.default_rng(2).normal(size=(300, 4)).astype(np.float32)
    expected = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    np.testing.assert_allclose(np.sqrt(squared_distances(rows)), expected, atol=2e-3)
    np.testing.assert_allclose(mean_distance(rows), expected.sum(axis=1) / 299, rtol=1e-4)


def test_more_support_than_cells_takes_all_cells():
    cells = np.random.default_rng(1).random((2, 3, 3)).astype(np.float32)
    assert len(usual(cells, 40)) == 6


def test_mirrored_neighbours_at_the_border_do_not_break_the_solution(cells):
    found = residuals(cells * 0 + 3, support=40, regularisation=5, pooled_neighbours=True, ridge=1e-4)
    assert np.isfinite(found).all()
    assert np.ptp(found) < 1e-5


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 2)])
def test_maps_of_few_cells_are_finite(shape):
    few = np.random.default_rng(0).random((*shape, 4)).astype(np.float32)
    assert np.isfinite(residuals(few, support=40, regularisation=5, pooled_neighbours=True, ridge=1e-4)).all()
    assert np.isfinite(grain_scores([few], seed=0)).all()


def test_the_grain_is_followed_whichever_way_it_runs(cells):
    upright = grain_scores([cells], seed=0)
    lying = grain_scores([np.ascontiguousarray(cells.transpose(1, 0, 2))], seed=0)
    np.testing.assert_allclose(lying, upright.T, rtol=1e-4)


def test_an_edge_along_a_whole_side_is_no_anomaly():
    edged = np.random.default_rng(4).normal(1, 0.05, (30, 30, 16)).astype(np.float32)
    edged[:2] += 3
    edged[:, -2:] += 1
    edged[14:17, 12:15] += 1
    found = grain_scores([edged], seed=0)
    y, x = np.unravel_index(found.argmax(), found.shape)
    assert 13 <= y <= 17
    assert 11 <= x <= 15


def test_light_that_changes_across_the_grain_is_no_anomaly():
    random = np.random.default_rng(4)
    noise = random.normal(0, 0.05, (30, 30, 16))
    lit = (noise + np.linspace(0, 5, 30)[:, None]).astype(np.float32) + 1
    lit[14:17, 2:5] += 1
    found = grain_scores([lit], seed=0)
    y, x = np.unravel_index(found.argmax(), found.shape)
    assert 13 <= y <= 17
    assert 1 <= x <= 5


def test_many_channels_are_projected_alike_every_time():
    wide = np.random.default_rng(0).random((8, 8, 400)).astype(np.float32)
    first, second, other = (grain_scores([wide], seed=seed) for seed in (1, 1, 2))
    assert first.tobytes() == second.tobytes()
    np.testing.assert_allclose(first, other, rtol=0.5)
