"""Backbones without torch: maps lie on a regular grid, move with the picture, do not depend on the batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from logisight.schema import DetectorError
from logisight.tools.backbones.batches import mean_pooled
from logisight.tools.features import load_backbone, missing_backbone


def noise(count, height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), np.uint8)


def close(found, expected):
    """Equal but for rounding, measured by the largest value."""
    return np.abs(found - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())


@pytest.fixture(scope="module", params=["filter-bank", "squeezenet"])
def backbone(request):
    return load_backbone(request.param, weights="random" if request.param == "squeezenet" else None)


@pytest.mark.parametrize("size", [(1, 1), (2, 7), (16, 32), (33, 50), (96, 80)])
def test_a_map_has_a_cell_for_each_stride_begun(backbone, size):
    maps = backbone(noise(2, *size))
    assert tuple(maps) == backbone.layers
    assert [backbone.strides[layer] for layer in backbone.layers] == [8, 16]
    for layer, stride in backbone.strides.items():
        assert maps[layer].shape[0] == 2
        assert maps[layer].shape[2:] == (-(-size[0] // stride), -(-size[1] // stride))
        assert maps[layer].dtype == np.float32
        assert np.isfinite(maps[layer]).all()


def test_a_map_does_not_depend_on_the_batch(backbone):
    pixels = noise(3, 64, 48)
    together = backbone(pixels)
    for layer in backbone.layers:
        alone = np.concatenate([backbone(pixels[i : i + 1])[layer] for i in range(3)])
        assert close(alone, together[layer])
        assert not close(alone[0], alone[1])


def test_the_same_call_gives_the_same_bits(backbone):
    first, second = backbone(noise(2, 64, 64)), backbone(noise(2, 64, 64))
    assert all(np.array_equal(first[layer], second[layer]) for layer in backbone.layers)


def test_a_map_moves_with_the_picture(backbone):
    pixels = noise(1, 320, 320)
    moved = np.roll(pixels, (16, 32), axis=(1, 2))
    for layer, stride in backbone.strides.items():
        far = 128 // stride
        before, after = backbone(pixels)[layer], backbone(moved)[layer]
        expected = np.roll(before, (16 // stride, 32 // stride), axis=(2, 3))
        assert close(after[..., far:-far, far:-far], expected[..., far:-far, far:-far])


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((8, 8, 3), np.uint8),
        np.zeros((1, 8, 8), np.uint8),
        np.zeros((1, 8, 8, 4), np.uint8),
        np.zeros((0, 8, 8, 3), np.uint8),
        np.zeros((1, 0, 8, 3), np.uint8),
        np.zeros((1, 8, 8, 3), np.float32),
    ],
)
def test_what_is_no_batch_of_pictures_is_refused(backbone, pixels):
    with pytest.raises(DetectorError, match=r"must be \(N, H, W, 3\) uint8"):
        backbone(pixels)


def test_the_filter_bank_sees_colour_alone_in_a_flat_picture():
    maps = load_backbone("filter-bank")(np.full((1, 64, 64, 3), 200, np.uint8))
    for cells in maps.values():
        assert (np.ptp(cells, axis=(2, 3)) < 1e-3).all()
        assert cells[0, 0].min() > 0.9
        assert np.abs(cells[0, 3:]).max() < 1e-3


def test_the_filter_bank_finds_a_thin_line_where_it_is():
    pixels = np.full((1, 96, 96, 3), 128, np.uint8)
    pixels[0, 44:46] = 60
    cells = load_backbone("filter-bank", ["fine"])(pixels)["fine"][0]
    strength = np.linalg.norm(cells[6:], axis=0)
    assert (strength.argmax(axis=0) == 44 // 8).all()
    assert strength[0].max() < 0.01 * strength[44 // 8].min()


def test_the_filter_bank_tells_directions_apart():
    pixels = np.full((2, 96, 96, 3), 128, np.uint8)
    pixels[0, 44:46] = 60
    pixels[1, :, 44:46] = 60
    across, down = load_backbone("filter-bank", ["fine"])(pixels)["fine"]
    assert np.abs(across[:, 5, 5] - down[:, 5, 5]).max() > 0.2
    assert np.allclose(across[:6, 5, 5], down[:6, 5, 5], atol=1e-4)


def test_the_filter_bank_sees_as_much_in_the_shade_as_in_the_light():
    pixels = np.full((2, 96, 96, 3), 200, np.uint8)
    pixels[0, 44:46] = 160
    pixels[1] = pixels[0] // 2
    light, shade = load_backbone("filter-bank", ["fine"])(pixels)["fine"]
    assert np.linalg.norm(shade[6:, 5, 5]) == pytest.approx(np.linalg.norm(light[6:, 5, 5]), rel=0.1)


def test_a_black_picture_has_no_channel():
    (cells,) = load_backbone("filter-bank", ["coarse"])(np.zeros((1, 32, 32, 3), np.uint8))["coarse"]
    assert np.abs(cells).max() < 1e-3


def test_layers_are_chosen_and_averaged_to_a_stride():
    pixels = noise(1, 64, 40)
    maps = load_backbone("squeezenet", ["fire8@32", "fire4", "conv1", "fire4@16"], "random")(pixels)
    assert list(maps) == ["conv1", "fire4", "fire4@16", "fire8@32"]
    whole = maps["fire4"][..., :8, :8].reshape(1, 256, 2, 4, 2, 4).mean(axis=(3, 5))
    assert maps["fire4"].shape == (1, 256, 16, 10)
    assert maps["fire4@16"].shape == (1, 256, 4, 3)
    assert close(maps["fire4@16"][..., :2, :2], whole)
    assert close(maps["fire4@16"][..., 0, 2], maps["fire4"][..., :4, 8:].mean(axis=(2, 3)))


def test_means_at_the_border_are_of_what_is_inside():
    assert mean_pooled(np.arange(15, dtype=np.float32).reshape(3, 5), 2).tolist() == [
        [3, 5, 6.5],
        [10.5, 12.5, 14],
    ]


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("fire10", "no layer 'fire10'; it has conv1, fire2"),
        ("fire4@6", "layer 'fire4@6': fire4 has stride 4; ask for a multiple of it"),
        ("fire4@2", "ask for a multiple of it"),
        ("fire4@", "ask for a multiple of it"),
        ("fire4@-8", "ask for a multiple of it"),
    ],
)
def test_a_layer_that_there_is_not_is_named(layer, message):
    with pytest.raises(DetectorError, match=message):
        load_backbone("squeezenet", [layer], "random")


@pytest.mark.parametrize("name", ["", "resnet", "timm", "timm:", "squeezenet:1", "filter-bank:", "os:path"])
def test_a_backbone_that_there_is_not_is_named(name):
    with pytest.raises(DetectorError, match=f"{name!r}: there is no such backbone; known are filter-bank"):
        load_backbone(name)
    with pytest.raises(DetectorError, match="there is no such backbone"):
        missing_backbone(name)


def test_the_filter_bank_is_always_ready():
    assert missing_backbone("filter-bank") == ""
    with pytest.raises(DetectorError, match="it has no weights"):
        load_backbone("filter-bank", weights=Path("weights.npz"))


def saved(tmp_path, **changes):
    """A file of weights with some arrays changed, or left out where the change is None."""
    arrays = {f"{name}.{kind}": array for name, kind, array in all_arrays()} | changes
    np.savez(tmp_path / "net.npz", **{name: array for name, array in arrays.items() if array is not None})
    return tmp_path / "net.npz"


def all_arrays():
    convolutions = load_backbone("squeezenet", weights="random")._convolutions
    for name, (matrix, bias, side) in convolutions.items():
        weight = matrix.reshape(side, side, -1, matrix.shape[1]).transpose(3, 2, 0, 1)
        yield name, "weight", weight
        yield name, "bias", bias


def test_squeezenet_from_a_file_is_the_one_that_was_saved(tmp_path):
    path = saved(tmp_path, classifier=np.zeros(3))
    assert missing_backbone("squeezenet", path) == ""
    found, expected = (load_backbone("squeezenet", weights=w)(noise(1, 32, 32)) for w in (path, "random"))
    assert all(np.array_equal(found[layer], expected[layer]) for layer in expected)


NAN = np.full(16, np.nan, np.float32)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fire8.expand3x3.weight": None}, "it has no array fire8.expand3x3.weight"),
        (
            {"fire2.squeeze.bias": np.zeros(8, np.float32)},
            r"fire2.squeeze.bias is \(8,\) float32 instead of \(16,\)",
        ),
        ({"fire2.squeeze.bias": np.zeros(16, np.int64)}, "fire2.squeeze.bias is .* int64 instead of"),
        ({"fire2.squeeze.bias": NAN}, "fire2.squeeze.bias holds values that are not finite"),
        ({"fire2.squeeze.bias": np.array([print] * 16)}, "cannot be read as .npz"),
    ],
)
def test_a_file_of_other_arrays_is_refused_in_one_line(tmp_path, changes, message):
    path = saved(tmp_path, **changes)
    with pytest.raises(DetectorError, match=message) as caught:
        load_backbone("squeezenet", weights=path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert "weights=FILE" in str(caught.value)


@pytest.mark.parametrize("cut", [0, 10, 5000])
def test_a_file_that_is_cut_off_is_refused(tmp_path, cut):
    path = saved(tmp_path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DetectorError, match=r"net.npz: cannot be read as .npz"):
        load_backbone("squeezenet", weights=path)


def test_one_array_is_no_file_of_weights(tmp_path):
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(DetectorError, match=r"one array, not an .npz"):
        load_backbone("squeezenet", weights=tmp_path / "one.npy")


def test_missing_weights_are_named_with_where_they_come_from(tmp_path):
    absent = tmp_path / "absent.npz"
    for weights, start in ((absent, f"{absent}: no such file"), (None, "squeezenet: give the weights")):
        lack = missing_backbone("squeezenet", weights)
        assert lack.startswith(start)
        assert "0.9 MB" in lack and "github.com/songhan" in lack and "weights=FILE" in lack
        with pytest.raises(DetectorError) as caught:
            load_backbone("squeezenet", weights=weights)
        assert str(caught.value) == lack


def test_random_weights_follow_the_seed():
    first, again, other = (
        load_backbone("squeezenet", weights="random", seed=seed)(noise(1, 16, 16))["fire4@8"]
        for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_the_trained_squeezenet_knows_a_surface_from_a_hole(shared_data):
    path = shared_data / "weights" / "squeezenet1_0_imagenet.npz"
    if not path.is_file():
        pytest.skip(f"no trained weights: {path} is absent")
    pixels = np.random.default_rng(0).integers(118, 138, (1, 320, 320, 3), np.uint8)
    pixels[0, 150:166, 150:166] = 30
    for layer, cells in load_backbone("squeezenet", weights=path)(pixels).items():
        distance = np.linalg.norm(cells[0] - np.median(cells[0], axis=(1, 2), keepdims=True), axis=0)
        distance[[0, -1]] = distance[:, [0, -1]] = 0
        row, column = np.unravel_index(distance.argmax(), distance.shape)
        assert abs(row - distance.shape[0] / 2) <= 1.5, layer
        assert abs(column - distance.shape[1] / 2) <= 1.5, layer
