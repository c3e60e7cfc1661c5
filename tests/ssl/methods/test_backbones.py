"""Encoders: torchvision's networks under torchvision's names, at any width, with either stem."""

import pytest
import torch
import torchvision

from gramian.ssl._backbones import build_backbone


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_at_width_64_it_is_torchvisions_network_with_the_same_weights(name):
    ours = build_backbone(name).eval()
    theirs = torchvision.models.get_model(name, weights=None)
    result = theirs.load_state_dict(ours.torchvision_weights(), strict=False)
    assert sorted(result.missing_keys) == ["fc.bias", "fc.weight"]
    assert result.unexpected_keys == []
    theirs.fc = torch.nn.Identity()
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours(images), theirs.eval()(images))


@pytest.mark.parametrize(
    ("name", "width", "features"), [("resnet18", 16, 128), ("resnet34", 4, 32), ("resnet50", 8, 256)]
)
def test_width_sets_the_channels_of_every_stage(name, width, features):
    backbone = build_backbone(name, width=width, stem="cifar")
    assert backbone.features == features
    assert backbone.conv1.out_channels == width
    assert backbone(torch.zeros(2, 3, 32, 32)).shape == (2, features)


def test_small_stem_keeps_the_resolution_that_the_large_one_divides_by_four():
    image = torch.zeros(1, 3, 32, 32)
    small, large = (build_backbone(width=4, stem=stem) for stem in ("cifar", "imagenet"))
    assert small.maxpool(small.conv1(image)).shape == (1, 4, 32, 32)
    assert large.maxpool(large.conv1(image)).shape == (1, 4, 8, 8)


@pytest.mark.parametrize(
    ("name", "features"),
    [("mobilenet_v3_small", 1024), ("googlenet", 1024), pytest.param("vit_b_16", 768, marks=pytest.mark.slow)],
)
def test_other_models_come_without_their_last_layer(name, features):
    backbone = build_backbone(name)
    size = 224 if name.startswith("vit") else 96
    assert backbone.features == features
    assert backbone.train()(torch.randn(2, 3, size, size)).shape == (2, features)
    theirs = torchvision.models.get_model(name, weights=None, init_weights=True) if name == "googlenet" else None
    known = set((theirs or torchvision.models.get_model(name, weights=None)).state_dict())
    assert set(backbone.torchvision_weights()) < known


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (
            {"name": "resnet19"},
            ValueError,
            r"backbone: expected a classifier of torchvision; got 'resnet19'. Did you mean",
        ),
        ({"name": "zzz"}, ValueError, "list_models"),
        ({"name": "vgg11", "width": 16}, ValueError, "width: expected 64 for vgg11; got 16"),
        ({"name": "vgg11", "stem": "cifar"}, ValueError, "stem: expected 'imagenet' for vgg11"),
        ({"name": "squeezenet1_1"}, ValueError, "ends in a linear layer; got 'squeezenet1_1'"),
        ({"width": 0}, ValueError, "width: expected at least 1; got 0"),
        ({"width": 1.5}, TypeError, "width: expected an integer; got float"),
        ({"stem": "stl"}, ValueError, "stem: expected 'cifar' or 'imagenet'; got 'stl'"),
    ],
)
def test_bad_input(arguments, error, match):
    with pytest.raises(error, match=match):
        build_backbone(**arguments)
