"""Backbones on torch, with random weights; and SqueezeNet against the same layers in torch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from logisight.schema import DetectorError
from logisight.tools.features import load_backbone, missing_backbone

needed = "needs logisight[vision]"
torch = pytest.importorskip("torch", reason=needed)
pytest.importorskip("torchvision", reason=needed)
pytest.importorskip("timm", reason=needed)

NamedMaps = pytest.importorskip("logisight.tools.backbones.torch_network").NamedMaps

NETWORKS = {
    "torchvision:resnet18": (("layer2", 8, 128), ("layer3", 16, 256)),
    "timm:resnet10t": (("layer2", 8, 128), ("layer3", 16, 256)),
    "timm:vit_tiny_patch16_224": (("blocks.5", 16, 192), ("blocks.8", 16, 192)),
    "open_clip:ViT-S-32-alt": (("block6", 32, 384), ("block9", 32, 384)),
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Such small pictures are slower on several, most of all where other tests run beside these."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def noise(count, height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), np.uint8)


def close(found, expected):
    """Equal but for rounding, measured by the largest value."""
    return np.abs(found - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    if request.param.startswith("open_clip"):
        pytest.importorskip("open_clip", reason=needed)
    return load_backbone(request.param, weights="random", device="cpu")


@pytest.mark.parametrize("size", [(1, 1), (33, 50), (64, 96)])
def test_a_map_has_a_cell_for_each_stride_begun(network, size):
    maps = network(noise(2, *size))
    assert [(layer, network.strides[layer], maps[layer].shape[1]) for layer in maps] == list(
        NETWORKS[network.name]
    )
    for layer, stride in network.strides.items():
        assert maps[layer].shape[2:] == (-(-size[0] // stride), -(-size[1] // stride))
        assert maps[layer].dtype == np.float32
        assert np.isfinite(maps[layer]).all()


def test_a_map_does_not_depend_on_the_batch_or_on_what_came_before(network):
    pixels = noise(3, 64, 96)
    together = network(pixels)
    network(noise(1, 32, 32))
    for layer in network.layers:
        alone = np.concatenate([network(pixels[i : i + 1])[layer] for i in range(3)])
        assert close(alone, together[layer])
        assert not close(alone[0], alone[1])


def test_random_weights_follow_the_seed_and_leave_that_of_torch_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first, again, other = (
        load_backbone("torchvision:resnet18", ["layer1"], "random", "cpu", seed)(noise(1, 32, 32))["layer1"]
        for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_layer_is_averaged_to_a_stride():
    maps = load_backbone("torchvision:resnet18", ["layer1", "layer1@8"], "random", "cpu")(noise(1, 32, 48))
    assert maps["layer1@8"].shape == (1, 64, 4, 6)
    assert close(maps["layer1@8"], maps["layer1"].reshape(1, 64, 4, 2, 6, 2).mean(axis=(3, 5)))


class ChannelsLast(torch.nn.Module):
    output_fmt = "NHWC"

    def forward(self, batch):
        return [batch.permute(0, 2, 3, 1)]


def test_channels_that_come_last_are_put_first():
    batch = torch.arange(24.0).reshape(1, 3, 2, 4)
    assert torch.equal(NamedMaps(ChannelsLast(), ["all"])(batch)["all"], batch)


def states(kind):
    """The tensors of a ResNet18 in the form in which they are published."""
    if kind == "timm":
        import timm

        return timm.create_model("resnet18").state_dict()
    import torchvision

    return torchvision.models.resnet18(weights=None).state_dict()


@pytest.mark.parametrize("kind", ["timm", "torchvision"])
def test_weights_come_from_a_file(tmp_path, kind):
    path = tmp_path / "resnet18.pth"
    tensors = states(kind)
    torch.save(tensors, path)
    assert missing_backbone(f"{kind}:resnet18", path) == ""
    first = load_backbone(f"{kind}:resnet18", weights=path, device="cpu", seed=0)(noise(1, 32, 32))
    second = load_backbone(f"{kind}:resnet18", weights=path, device="cpu", seed=1)(noise(1, 32, 32))
    assert all(np.array_equal(first[layer], second[layer]) for layer in first)
    tensors["conv1.weight"] *= 2
    torch.save(tensors, path)
    third = load_backbone(f"{kind}:resnet18", weights=path, device="cpu")(noise(1, 32, 32))
    assert not np.allclose(first["layer2"], third["layer2"])


@pytest.mark.parametrize("kind", ["timm", "torchvision"])
@pytest.mark.parametrize("damage", ["other", "nan", "cut", "code"])
def test_wrong_weights_are_refused_in_one_line(tmp_path, kind, damage):
    path = tmp_path / "weights.pth"
    tensors = states(kind)
    if damage == "other":
        tensors = {"conv1.weight": torch.zeros(3, 3)}
    if damage == "nan":
        tensors["layer1.0.conv1.weight"][0] = torch.nan
    torch.save(print if damage == "code" else tensors, path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DetectorError) as caught:
        load_backbone(f"{kind}:resnet18", weights=path, device="cpu")
    assert "\n" not in str(caught.value)
    assert "weights.pth" in str(caught.value)


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine that has downloaded nothing."""
    for name in ("TORCH_HOME", "HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))


@pytest.mark.parametrize("name", NETWORKS)
def test_missing_weights_are_never_random_ones(bare, tmp_path, name):
    for weights, start in (
        (None, f"{name}: weights are missing"),
        (tmp_path / "no", f"{tmp_path / 'no'}: no such"),
    ):
        lack = missing_backbone(name, weights)
        assert lack.startswith(start)
        assert "weights=FILE" in lack
        with pytest.raises(DetectorError) as caught:
            load_backbone(name, weights=weights)
        assert str(caught.value) == lack
    assert missing_backbone(name, "random") == ""


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("torchvision:resnet18", "hub/checkpoints/resnet18-f37072fd.pth"),
        ("timm:resnet18", "models--timm--resnet18.a1_in1k/snapshots/0/model.safetensors"),
        ("timm:resnet18.a1_in1k", "models--timm--resnet18.a1_in1k/snapshots/0/pytorch_model.bin"),
    ],
)
def test_weights_that_a_library_has_downloaded_are_found(bare, tmp_path, name, kept):
    path = tmp_path / kept
    path.parent.mkdir(parents=True)
    path.touch()
    assert missing_backbone(name) == ""
    assert missing_backbone(name.replace("18", "34")) != ""


@pytest.mark.parametrize(
    ("name", "layers", "device", "message"),
    [
        ("timm:no_such_net", (), "cpu", "timm has no network of this name"),
        ("torchvision:no_such_net", (), "cpu", "torchvision has no network of this name"),
        ("torchvision:resnet18", ("layer9",), "cpu", "no layer 'layer9'; it has .*layer4"),
        ("torchvision:resnet18", ("fc",), "cpu", "layer 'fc' gives .* which is no map"),
        ("timm:resnet18", ("layer9",), "cpu", "no layer 'layer9'; it has act1, layer1"),
        ("torchvision:resnet18", (), "cuda:99", "device=cuda:99: not here"),
        ("torchvision:resnet18", (), "nonsense", "device=nonsense: not here"),
    ],
)
def test_what_there_is_not_is_named(name, layers, device, message):
    with pytest.raises(DetectorError, match=message):
        load_backbone(name, layers, "random", device)


def test_readiness_is_told_without_torch():
    code = (
        "import sys; from logisight.tools.features import load_backbone, missing_backbone\n"
        "names = ['timm:resnet18', 'torchvision:resnet18', 'open_clip:ViT-B-32', 'squeezenet']\n"
        "load_backbone('filter-bank'); [missing_backbone(name) for name in names]\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def reference(backbone, pixels):
    """Every layer of SqueezeNet 1.0 in torch, padded as ours is."""
    functional = torch.nn.functional

    def convolved(cells, name, stride=1):
        matrix, bias, side = backbone._convolutions[name]
        weight = torch.from_numpy(matrix).reshape(side, side, -1, len(bias)).permute(3, 2, 0, 1)
        return functional.relu(functional.conv2d(cells, weight, torch.from_numpy(bias), stride, side // 2))

    batch = pixels[..., ::-1].astype(np.float32) - np.array([104, 117, 123], np.float32)
    cells = convolved(torch.from_numpy(batch).permute(0, 3, 1, 2), "conv1", 2)
    found = {"conv1": cells}
    for number in range(2, 10):
        if number in (2, 5, 9):
            cells = functional.max_pool2d(cells, 3, 2, 1)
        squeezed = convolved(cells, f"fire{number}.squeeze")
        sides = [convolved(squeezed, f"fire{number}.expand{side}") for side in ("1x1", "3x3")]
        cells = found[f"fire{number}"] = torch.cat(sides, 1)
    return {name: cells.numpy() for name, cells in found.items()}


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (53, 71), (64, 96)])
def test_squeezenet_equals_the_same_layers_in_torch(size):
    names = ["conv1", *(f"fire{n}" for n in range(2, 10))]
    backbone = load_backbone("squeezenet", names, "random")
    maps, expected = backbone(noise(2, *size)), reference(backbone, noise(2, *size))
    assert set(maps) == set(expected)
    for name in names:
        assert maps[name].shape == expected[name].shape
        assert close(maps[name], expected[name])
