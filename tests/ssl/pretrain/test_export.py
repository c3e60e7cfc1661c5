"""An exported backbone gives torchvision's and timm's models the features of the encoder."""

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from gramian.ssl import export_backbone, load_encoder
from gramian.ssl._methods import METHODS
from gramian.ssl._recipes import load_recipe
from gramian.training import CheckpointFault
from tests.ssl.pretrain._images import small_run, write_images


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A ResNet-18 of torchvision's width whose norms have moments of their own."""
    folder = tmp_path_factory.mktemp("run")
    images = write_images(folder / "images", train=3, test=1)
    run = small_run(
        images, folder / "run", evaluation=None, monitor=False,
        overrides=["epochs=1", "backbone.width=64", "backbone.stem=imagenet"],
    )  # fmt: skip
    return run.directory


@pytest.fixture(scope="module")
def exported(checkpoint, tmp_path_factory):
    return export_backbone(checkpoint, tmp_path_factory.mktemp("export") / "encoder.safetensors")


def features(checkpoint, images):
    with torch.no_grad():
        return load_encoder(checkpoint).backbone(images)


def test_torchvision_lacks_its_classifier_alone_and_gives_equal_features(checkpoint, exported):
    from torchvision.models import resnet18

    model = resnet18()
    missing = model.load_state_dict(load_file(exported.path), strict=False)
    assert missing.missing_keys == ["fc.weight", "fc.bias"]
    assert missing.unexpected_keys == []
    model.fc = torch.nn.Identity()
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(images), features(checkpoint, images), rtol=1e-4, atol=1e-5)


def test_timm_gives_equal_features(checkpoint, exported):
    timm = pytest.importorskip("timm", reason="timm is not installed")
    model = timm.create_model("resnet18", pretrained=False, num_classes=0)
    missing = model.load_state_dict(load_file(exported.path), strict=False)
    assert missing.missing_keys == missing.unexpected_keys == []
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(images), features(checkpoint, images), rtol=1e-4, atol=1e-5)


def test_the_file_says_what_it_is(exported):
    with safe_open(exported.path, framework="pt") as file:
        about = file.metadata()
    assert (about["architecture"], about["width"], about["stem"]) == ("resnet18", "64", "imagenet")
    assert about["epochs"] == "1"
    assert exported.loads_as_is
    assert "first_layers" not in about
    assert exported.features == 512
    assert exported.parameters == sum(value.numel() for value in load_file(exported.path).values())


def test_a_backbone_for_small_images_says_how_to_build_the_model(tmp_path):
    images = write_images(tmp_path / "images", train=3, test=1)
    run = small_run(images, tmp_path / "run", evaluation=None, monitor=False, overrides=["epochs=1"])
    found = export_backbone(run.checkpoint, tmp_path / "small.safetensors")
    assert not found.loads_as_is
    with safe_open(found.path, framework="pt") as file:
        assert "Conv2d(3, 2, 3, stride=1, padding=1, bias=False)" in file.metadata()["first_layers"]


def test_files_in_the_way_and_wrong_names_are_refused(checkpoint, exported, tmp_path):
    with pytest.raises(ValueError, match="out: expected a new file"):
        export_backbone(checkpoint, exported.path)
    assert export_backbone(checkpoint, exported.path, overwrite=True).parameters == exported.parameters
    with pytest.raises(ValueError, match=r"out: expected a file that ends in \.safetensors"):
        export_backbone(checkpoint, tmp_path / "encoder.bin")
    with pytest.raises(ValueError, match="out: expected a file in a folder that exists"):
        export_backbone(checkpoint, tmp_path / "no" / "encoder.safetensors")
    with pytest.raises(CheckpointFault, match="where none is"):
        export_backbone(tmp_path, tmp_path / "encoder.safetensors")


def test_every_method_keeps_its_encoder_under_backbone():
    for name, kind in METHODS.items():
        module = kind(load_recipe(name, "cifar10", overrides=["backbone.width=2"]), steps_per_epoch=2)
        weights = {key.removeprefix("backbone.") for key in module.state_dict() if key.startswith("backbone.")}
        assert weights == set(module.backbone.state_dict()), name
