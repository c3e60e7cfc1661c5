"""Neighbours and probes: against their definitions, and against those of other libraries."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gramian.ssl import OnlineProbe, load_encoder, probe_encoder, weighted_knn
from gramian.ssl._data import evaluation_loader, open_images
from gramian.ssl._evaluation.features import Features, read_features
from gramian.ssl._evaluation.linear import feature_batches, fit_linear
from gramian.ssl._recipes import ProbeRecipe
from gramian.training import CheckpointFault
from tests.ssl.pretrain._images import CLASSES, EPOCHS, TEST, TRAIN, small_run, write_images


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def bank(count=60, classes=4):
    labels = torch.arange(count) % classes
    return Features(draw(count, 5) + 0.7 * torch.eye(classes, 5)[labels], labels)


@pytest.mark.parametrize(("neighbors", "temperature"), [(1, 0.1), (7, 0.1), (20, 0.5), (60, 0.02)])
def test_neighbours_vote_as_lightlys_do(neighbors, temperature):
    from lightly.utils.benchmarking import knn_predict

    known, asked = bank(), draw(40, 5, seed=1)
    normal = torch.nn.functional.normalize
    expected = knn_predict(
        normal(asked, dim=1), normal(known.vectors, dim=1).mT, known.labels, num_classes=4, knn_k=neighbors, knn_t=temperature,
    )[:, 0]  # fmt: skip
    found = weighted_knn(known, asked, classes=4, neighbors=[neighbors, 3], temperature=temperature)
    assert torch.equal(found[neighbors], expected)


def test_a_near_neighbour_outweighs_two_far_ones():
    known = Features(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]), torch.tensor([0, 1, 1]))
    near, tie = torch.tensor([[0.95, 0.3]]), torch.tensor([[1.0, 1.0]])
    assert weighted_knn(known, near, classes=2, neighbors=[3])[3].tolist() == [0]
    assert weighted_knn(known, tie, classes=2, neighbors=[3])[3].tolist() == [1]
    assert weighted_knn(known, near, classes=2, neighbors=[3], temperature=100.0)[3].tolist() == [1]


def test_more_neighbours_than_there_are_is_all_of_them():
    known, asked = bank(12), draw(9, 5, seed=1)
    found = weighted_knn(known, asked, classes=4, neighbors=[12, 200])
    assert torch.equal(found[12], found[200])


def test_a_low_temperature_does_not_overflow():
    known, asked = bank(), draw(9, 5, seed=1)
    assert torch.equal(
        weighted_knn(known, asked, classes=4, neighbors=[20], temperature=1e-4)[20],
        weighted_knn(known, asked, classes=4, neighbors=[1])[1],
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"neighbors": []}, "neighbors: expected numbers from 1"),
        ({"neighbors": [0]}, "neighbors: expected numbers from 1"),
        ({"temperature": 0.0}, "temperature: expected a number above 0"),
        ({"classes": 3}, "labels: expected 0 to 2 in the bank; got 0 to 3"),
    ],
)
def test_bad_votes_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        weighted_knn(bank(), draw(2, 5), **{"classes": 4, **options})
    with pytest.raises(TypeError, match="neighbors: expected whole numbers; got float"):
        weighted_knn(bank(), draw(2, 5), classes=4, neighbors=[2.0])


def sgd_by_hand(x, y, classes, settings, order):
    """Softmax regression from zero, in float64."""
    weight, bias = np.zeros((classes, x.shape[1])), np.zeros(classes)
    moments = [np.zeros_like(weight), np.zeros_like(bias)]
    for epoch in range(settings.epochs):
        lr = settings.lr * settings.decay ** sum(epoch >= step for step in settings.decay_epochs)
        for part in np.array_split(order(epoch), range(settings.batch_size, len(x), settings.batch_size)):
            logits = x[part] @ weight.T + bias
            share = np.exp(logits - logits.max(1, keepdims=True))
            share /= share.sum(1, keepdims=True)
            share[np.arange(len(part)), y[part]] -= 1
            for gradient, moment, parameter in zip(
                (share.T @ x[part] / len(part), share.mean(0)), moments, (weight, bias), strict=True
            ):
                moment *= settings.momentum
                moment += gradient
                parameter -= lr * moment
    return weight, bias


def test_the_linear_probe_is_softmax_regression_by_stochastic_gradients():
    known = bank(50)
    settings = ProbeRecipe(optimizer="sgd", lr=0.3, epochs=7, batch_size=16, decay_epochs=(3, 5))
    layer = fit_linear(feature_batches(known, batch=16, seed=4), features=5, classes=4, settings=settings)
    from gramian.ssl._data import SeededBatches

    sampler = SeededBatches(50, batch=16, seed=4, drop_last=False)
    weight, bias = sgd_by_hand(
        known.vectors.double().numpy(), known.labels.numpy(), 4, settings, lambda epoch: sampler.order(epoch).numpy()
    )
    np.testing.assert_allclose(layer.weight.numpy(), weight, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(layer.bias.numpy(), bias, rtol=1e-4, atol=1e-6)


class Module(torch.nn.Module):
    """What the online probe looks at."""

    def __init__(self, features, labels):
        super().__init__()
        self.outputs = SimpleNamespace(features=features, labels=labels)
        self.device, self.logged = torch.device("cpu"), []

    def log(self, name, value, **options):
        self.logged.append((name, float(value)))


@pytest.fixture
def as_module(monkeypatch):
    monkeypatch.setattr("gramian.ssl._evaluation.online.Pretraining", Module)


def online(features=5, classes=3, **options):
    options = {"lr": 64.0, "batch_size": 2, "views": 2, "total_steps": 8, **options}  # 0.5 at the start
    return OnlineProbe(None, features=features, classes=classes, **options)


def test_steps_of_the_online_probe_by_hand(as_module):
    """Softmax regression from zero with momentum; the unlabelled image and the small view do not count."""
    labels, probe = torch.tensor([0, 2, -1]), online()
    weight, bias, moments = np.zeros((3, 5)), np.zeros(3), [np.zeros((3, 5)), np.zeros(3)]
    for step in range(1, 4):
        views = [draw(3, 5, seed=step), 2 + 3 * draw(3, 5, seed=10 + step), 100 * draw(3, 5, seed=2)]
        module = Module(views, labels)
        probe.on_train_batch_end(SimpleNamespace(global_step=step, world_size=1), module, None, None, 0)
        x = torch.cat(views[:2]).double().numpy()
        known = ((x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5))[[0, 1, 3, 4]]
        shares = np.exp(known @ weight.T + bias)
        shares /= shares.sum(1, keepdims=True)
        loss = -np.log(shares[range(4), [0, 2, 0, 2]]).mean()
        wrong = (shares - np.eye(3)[[0, 2, 0, 2]]) / 4
        moments = [0.9 * moments[0] + wrong.T @ known, 0.9 * moments[1] + wrong.sum(0)]
        lr = 0.25 * (1 + math.cos(math.pi * step / 8))
        weight, bias = weight - lr * moments[0], bias - lr * moments[1]
        assert module.logged == [("probe_loss", pytest.approx(loss, rel=1e-5))]
    np.testing.assert_allclose(probe.weight.detach(), weight, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(probe.bias.detach(), bias, rtol=1e-4, atol=1e-6)


def test_the_online_probe_does_not_depend_on_the_scale_of_features(as_module):
    trainer, labels = SimpleNamespace(global_step=1, world_size=1), torch.tensor([0, 1, 2, 1])
    plain, scaled = online(), online()
    for _ in range(3):
        plain.on_train_batch_end(trainer, Module([draw(4, 5), draw(4, 5, seed=1)], labels), None, None, 0)
        scaled.on_train_batch_end(
            trainer, Module([7 + 9 * draw(4, 5), 7 + 9 * draw(4, 5, seed=1)], labels), None, None, 0
        )
    torch.testing.assert_close(plain.weight, scaled.weight, rtol=1e-3, atol=1e-4)


def test_a_batch_without_labels_leaves_the_online_probe_finite(as_module):
    probe = online()
    probe.on_train_batch_end(
        SimpleNamespace(global_step=1, world_size=1), Module([draw(4, 5)] * 2, torch.full((4,), -1)), None, None, 0
    )
    assert not probe.weight.any()


def test_the_online_probe_goes_on_from_its_state(as_module):
    module, trainer = (
        Module([draw(4, 5), draw(4, 5, seed=1)], torch.tensor([0, 1, 2, 1])),
        SimpleNamespace(global_step=1, world_size=1),
    )
    straight, first, second = online(), online(), online()
    for _ in range(4):
        straight.on_train_batch_end(trainer, module, None, None, 0)
    for _ in range(2):
        first.on_train_batch_end(trainer, module, None, None, 0)
    second.load_state_dict(first.state_dict())
    for _ in range(2):
        second.on_train_batch_end(trainer, module, None, None, 0)
    assert torch.equal(straight.weight, second.weight)
    assert torch.equal(straight.bias, second.bias)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def trained(images, tmp_path_factory):
    return small_run(images, tmp_path_factory.mktemp("runs") / "a")


def test_the_encoder_of_a_checkpoint_is_that_of_the_run(trained):
    encoder = load_encoder(trained.directory)
    assert encoder.epochs == EPOCHS
    assert encoder.recipe == trained.recipe
    assert not encoder.backbone.training
    first = load_encoder(trained.directory, untrained=True)
    assert first.epochs == 0
    assert not torch.equal(first.backbone.conv1.weight, encoder.backbone.conv1.weight)


def test_neighbours_of_a_checkpoint_are_those_of_the_last_evaluation(trained, images):
    found = probe_encoder(trained.directory, linear=False, neighbors=[20, 200])
    assert found.neighbors[20].value == pytest.approx(trained.last("knn20_accuracy"))
    assert found.neighbors[200].value == pytest.approx(trained.last("knn200_accuracy"))
    assert found.linear is found.linear_top5 is None
    assert (found.train, found.test) == (TRAIN * len(CLASSES), TEST * len(CLASSES))


@pytest.mark.parametrize("protocol", ["features", "augmented"])
def test_the_linear_probe_tells_colours_apart_and_is_reproducible(trained, protocol):
    options = {"protocol": protocol, "epochs": 12, "lr": 0.5, "batch_size": 16, "neighbors": []}
    first, again = (probe_encoder(trained.directory, **options) for _ in range(2))
    assert first.linear == again.linear
    assert first.linear.value > 0.6, "a third by chance"
    assert first.linear.low < first.linear.value <= first.linear.high


def test_the_features_protocol_is_a_probe_of_the_features(trained, images):
    encoder = load_encoder(trained.directory)
    train, test = (open_images(images, split=split) for split in ("train", "test"))
    known, judged = (
        read_features(lambda x: encoder.backbone(x.contiguous(memory_format=torch.channels_last)), evaluation_loader(part))
        for part in (train, test)
    )  # fmt: skip
    found = probe_encoder(trained.directory, protocol="features", epochs=6, batch_size=48, neighbors=[])
    assert found.settings.optimizer == "sgd"
    # A batch of all images: their order does not matter.
    weight, bias = sgd_by_hand(
        known.vectors.double().numpy(), known.labels.numpy(), 3, found.settings, lambda epoch: np.arange(48)
    )
    predicted = (judged.vectors.double().numpy() @ weight.T + bias).argmax(1)
    assert found.linear.value == (predicted == judged.labels.numpy()).mean()


def test_epochs_of_the_probe_move_the_steps_of_its_rate(trained):
    found = probe_encoder(trained.directory, protocol="features", epochs=10, neighbors=[])
    assert found.settings.epochs == 10
    assert found.settings.decay_epochs == (4, 8)


def test_a_class_that_training_lacks_is_named(trained, tmp_path):
    write_images(tmp_path / "data")
    import shutil

    shutil.rmtree(tmp_path / "data" / "train" / "cyan")
    with pytest.raises(ValueError, match="cyan"):
        probe_encoder(trained.directory, tmp_path / "data", protocol="features", epochs=1)


def test_a_subset_that_misses_a_class_is_named(trained):
    with pytest.raises(ValueError, match=r"training images of every class of the test split; got none of [12] of them"):
        probe_encoder(trained.directory, subset=2, protocol="features", epochs=1)


def test_images_without_labels_are_refused(trained, tmp_path):
    write_images(tmp_path / "data")
    plain = tmp_path / "plain"
    for split in ("train", "test"):
        (plain / split).mkdir(parents=True)
        for number, path in enumerate((tmp_path / "data" / split).rglob("*.png")):
            path.rename(plain / split / f"{number}.png")
    with pytest.raises(ValueError, match="label"):
        probe_encoder(trained.directory, plain, protocol="features", epochs=1)


def test_other_data_than_pretraining_saw_are_probed_with_a_note(trained, tmp_path):
    other = write_images(tmp_path / "other", classes=("red", "green"), size=64)
    found = probe_encoder(trained.directory, other, protocol="features", epochs=2, neighbors=[5])
    assert found.data == "other"
    assert found.pretrained_on != "other"
    assert found.note == "The encoder was trained on images of 32 pixels; those of other are read at 64."


def test_files_that_are_no_pretraining_are_refused(trained, tmp_path):
    from tests.training._module import fitted

    fitted(tmp_path / "other", epochs=1)
    with pytest.raises(CheckpointFault, match=r"expected one of gramian pretrain; got .*, which has no recipe"):
        probe_encoder(tmp_path / "other")
    with pytest.raises(CheckpointFault, match="where none is"):
        probe_encoder(tmp_path / "nothing.ckpt")
    with pytest.raises(ValueError, match="protocol: expected augmented or features; got 'quick'"):
        probe_encoder(trained.directory, protocol="quick")
    with pytest.raises(ValueError, match="neighbors: expected some, or a linear probe; got neither"):
        probe_encoder(trained.directory, linear=False, neighbors=[])
    with pytest.raises(ValueError, match="epochs: expected a whole number from 1; got 0"):
        probe_encoder(trained.directory, epochs=0)


@pytest.mark.parametrize("kind", ["neighbours", "probe"])
def test_modules_of_others_are_refused_in_a_line(kind):
    from pytorch_lightning import LightningModule

    from gramian.ssl import OnlineKNN, OnlineProbe

    callback = (
        OnlineKNN(None, classes=2)
        if kind == "neighbours"
        else OnlineProbe(None, features=4, classes=2, lr=0.1, batch_size=8, views=2, total_steps=4)
    )
    with pytest.raises(TypeError, match=r"module: expected a gramian.ssl.Pretraining; got LightningModule"):
        callback.measure(None, LightningModule())
