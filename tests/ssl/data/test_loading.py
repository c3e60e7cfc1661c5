"""Batches: the order of the seed and the epoch for any number of ranks and workers, and no trace in global random states."""

import random
from itertools import islice

import numpy as np
import pytest
import torch

from gramian.ssl._data import (
    DamagedImageError,
    ImageSet,
    SeededBatches,
    ViewSet,
    data_facts,
    evaluation_loader,
    open_images,
    pretraining_loader,
)
from gramian.ssl._data.stores import PixelStore
from gramian.ssl._views import ViewRecipe, build_views, view_preset
from tests.ssl.data._layouts import jpeg, pixels, write_class_folders

FACTS = data_facts("cifar10")


@pytest.fixture(scope="module")
def images():
    values = np.random.default_rng(0).integers(0, 256, (22, 8, 8, 3), dtype=np.uint8)
    return ImageSet(
        PixelStore(values), np.arange(22) % 10, classes=[str(k) for k in range(10)], facts=FACTS, identity="x"
    )


@pytest.fixture(scope="module")
def build():
    return build_views(ViewRecipe(), views=2, size=8, mean=FACTS.mean, std=FACTS.std)


def global_states():
    return torch.get_rng_state().tolist(), [list(map(str, np.random.get_state()))], random.getstate()


def equal(one, other):
    (views, labels), (others, other_labels) = one, other
    return torch.equal(labels, other_labels) and all(map(torch.equal, views, others))


@pytest.mark.parametrize("n", [12, 22])
def test_an_epoch_has_every_image_once_but_for_an_incomplete_batch(n):
    whole = SeededBatches(n, batch=4, seed=0, drop_last=False)
    keys = [key for batch in whole for key in batch]
    assert sorted(keys) == [(0, index) for index in range(n)]
    assert len(list(whole)) == len(whole) == -(-n // 4)
    full = SeededBatches(n, batch=4, seed=0)
    assert list(full) == list(whole)[: n // 4]
    assert len(full) == n // 4


def test_orders_differ_by_epoch_and_seed_and_are_the_same_again():
    batches = SeededBatches(50, batch=10, seed=1)
    first = list(batches)
    batches.set_epoch(1)
    second = list(batches)
    assert {epoch for batch in second for epoch, _ in batch} == {1}
    indices = [[index for batch in epoch for _, index in batch] for epoch in (first, second)]
    assert indices[0] != indices[1]
    assert sorted(indices[0]) == sorted(indices[1]) == list(range(50))
    batches.set_epoch(0)
    assert list(batches) == first == list(SeededBatches(50, batch=10, seed=1))
    assert list(SeededBatches(50, batch=10, seed=2)) != first


def test_orders_are_uniform():
    """Over 2,000 epochs an image stands at each of 5 places 400 times, within four and a half standard errors."""
    batches = SeededBatches(5, batch=5, seed=0)
    places = np.zeros((5, 5))
    for epoch in range(2000):
        places[np.arange(5), batches.order(epoch).numpy()] += 1
    assert np.abs(places / 2000 - 0.2).max() < 4.5 * np.sqrt(0.2 * 0.8 / 2000)


@pytest.mark.parametrize("ranks", [2, 3, 6])
@pytest.mark.parametrize("drop_last", [True, False])
def test_ranks_share_the_batches_of_one_process(ranks, drop_last):
    given = {"batch": 6, "seed": 3, "drop_last": drop_last}
    alone = list(SeededBatches(60, **given))
    shared = [list(SeededBatches(60, **given, rank=rank, ranks=ranks)) for rank in range(ranks)]
    for step, batch in enumerate(alone):
        assert [key for rank in range(ranks) for key in shared[rank][step]] == batch
        assert {len(shared[rank][step]) for rank in range(ranks)} == {6 // ranks}


def test_a_last_batch_is_shared_as_evenly_as_can_be():
    parts = [list(SeededBatches(11, batch=4, seed=0, rank=rank, ranks=2, drop_last=False)) for rank in range(2)]
    assert [[len(batch) for batch in part] for part in parts] == [[2, 2, 2], [2, 2, 1]]


def test_an_iteration_can_start_in_the_middle_of_an_epoch_once():
    batches = SeededBatches(22, batch=4, seed=0)
    batches.set_epoch(3)
    whole = list(batches)
    batches.start_step = 2
    assert len(batches) == 5
    assert list(batches) == whole[2:]
    assert batches.start_step == 0
    assert list(batches) == whole
    batches.start_step = 5
    assert list(batches) == []
    batches.start_step = 6
    with pytest.raises(ValueError, match="start_step: expected a step from 0 to 5; got 6"):
        list(batches)


def test_lightning_finds_where_to_set_the_epoch(images, build):
    from lightning_fabric.utilities.data import _set_sampler_epoch

    loader = pretraining_loader(images, build, batch=4, seed=0)
    _set_sampler_epoch(loader, 7)
    assert loader.batch_sampler.epoch == 7


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"batch": 0}, "batch: expected 1 or more; got 0"),
        ({"n": 0}, "n: expected 1 or more; got 0"),
        ({"ranks": 3}, "batch: expected a multiple of 3 ranks; got 4. The batch is that of all ranks together"),
        ({"rank": 2, "ranks": 2}, "rank: expected a rank from 0 to 1; got 2"),
        ({"batch": 23}, "batch: expected at most the 22 images there are; got 23"),
        (
            {"n": 21, "ranks": 2, "drop_last": False},
            "an image for each of 2 ranks in every batch; got a last batch of 1",
        ),
    ],
)
def test_batches_that_cannot_be_made_are_refused(given, match):
    with pytest.raises(ValueError, match=match):
        SeededBatches(**({"n": 22, "batch": 4, "seed": 0} | given))


@pytest.mark.parametrize("given", [{"batch": 4.0}, {"seed": "0"}, {"seed": None}, {"rank": True}])
def test_batches_of_another_type_are_refused(given):
    with pytest.raises(TypeError, match=f"{next(iter(given))}: expected"):
        SeededBatches(**({"n": 22, "batch": 4, "seed": 0} | given))


def test_a_batch_has_one_tensor_a_view_and_the_labels(images):
    recipe = ViewRecipe(small_views=3)
    build = build_views(recipe, views=2, size=8, mean=FACTS.mean, std=FACTS.std)
    for views, labels in pretraining_loader(images, build, batch=4, seed=0):
        assert [tuple(view.shape) for view in views] == [(4, 3, 8, 8)] * 2 + [(4, 3, 3, 3)] * 3
        assert {view.dtype for view in views} == {torch.float32}
        assert labels.dtype == torch.int64
        assert labels.shape == (4,)


@pytest.mark.parametrize("workers", [1, 2])
def test_batches_are_the_same_from_any_number_of_workers(images, build, workers):
    here = pretraining_loader(images, build, batch=4, seed=5)
    there = pretraining_loader(images, build, batch=4, seed=5, workers=workers)
    for epoch in range(2):
        for loader in (here, there):
            loader.batch_sampler.set_epoch(epoch)
        pairs = list(zip(here, there, strict=True))
        assert len(pairs) == 5
        assert all(equal(one, other) for one, other in pairs)


def test_views_of_an_image_differ_by_epoch_and_by_image_and_not_by_batch(images, build):
    views = ViewSet(images, build, seed=0)
    first = views[0, 3]
    assert torch.equal(first[0][0], views[0, 3][0][0])
    assert not torch.equal(first[0][0], views[1, 3][0][0])
    assert not torch.equal(first[0][0], ViewSet(images, build, seed=1)[0, 3][0][0])
    assert first[1] == 3
    for views_of_batch, labels in pretraining_loader(images, build, batch=11, seed=0):
        for row in (labels == 3).nonzero().flatten().tolist():
            candidates = [views[0, index][0][0] for index in (3, 13)]
            assert any(torch.equal(views_of_batch[0][row], view) for view in candidates)


def test_what_was_drawn_elsewhere_does_not_matter_and_nothing_is_left_behind(images, build):
    from lightly.transforms.simclr_transform import SimCLRTransform

    foreign = SimCLRTransform(input_size=8)
    for make, workers in ((build, 0), (foreign, 0), (build, 2), (foreign, 1)):
        results = []
        for seed in (1, 2):
            torch.manual_seed(seed), np.random.seed(seed), random.seed(seed)
            before = global_states()
            loader = pretraining_loader(images, make, batch=11, seed=0, workers=workers)
            results.append(list(loader))
            assert global_states() == before
        assert all(equal(one, other) for one, other in zip(*results, strict=True))


def test_transforms_of_lightly_are_drawn_from_the_seed_too(images):
    from lightly.transforms.byol_transform import BYOLTransform

    views = ViewSet(images, BYOLTransform(), seed=0)
    first, again, other = views[0, 1], views[0, 1], views[1, 1]
    assert [tuple(view.shape) for view in first[0]] == [(3, 224, 224)] * 2
    assert all(map(torch.equal, first[0], again[0]))
    assert not torch.equal(first[0][0], other[0][0])


def test_a_transform_that_fails_leaves_the_random_states_as_they_were(images):
    def fail(_):
        torch.rand(1), np.random.rand(), random.random()
        raise RuntimeError("no")

    before = global_states()
    with pytest.raises(RuntimeError, match="no"):
        ViewSet(images, fail, seed=0)[0, 0]
    assert global_states() == before


def test_a_transform_to_a_single_tensor_is_refused(images):
    with pytest.raises(ValueError, match="build: expected a list of tensors for an image; got Tensor"):
        ViewSet(images, lambda image: torch.zeros(3, 8, 8), seed=0)[0, 0]


def test_going_on_in_the_middle_of_an_epoch_gives_the_batches_that_were_left(images, build):
    whole = pretraining_loader(images, build, batch=4, seed=0)
    whole.batch_sampler.set_epoch(2)
    expected = list(whole)
    rest = pretraining_loader(images, build, batch=4, seed=0)
    rest.batch_sampler.set_epoch(2)
    rest.batch_sampler.start_step = 3
    assert all(equal(one, other) for one, other in zip(rest, expected[3:], strict=True))


def test_two_ranks_see_the_images_and_views_of_one_process(images, build):
    alone = list(pretraining_loader(images, build, batch=4, seed=0))
    ranks = [list(pretraining_loader(images, build, batch=4, seed=0, rank=rank, ranks=2)) for rank in range(2)]
    for step, (views, labels) in enumerate(alone):
        assert torch.equal(labels, torch.cat([rank[step][1] for rank in ranks]))
        for number, view in enumerate(views):
            assert torch.equal(view, torch.cat([rank[step][0][number] for rank in ranks]))


def test_evaluation_has_every_image_once_in_order(images):
    loader = evaluation_loader(images, batch=5)
    batches = list(loader)
    assert torch.equal(torch.cat([labels for _, labels in batches]), torch.from_numpy(images.labels.copy()))
    assert [len(views) for views, _ in batches] == [1] * 5
    assert torch.equal(torch.cat([views[0] for views, _ in batches]), torch.cat([v[0] for v, _ in loader]))
    shared = [
        torch.cat([labels for _, labels in evaluation_loader(images, batch=4, rank=r, ranks=2)]) for r in range(2)
    ]
    assert sorted(torch.cat(shared).tolist()) == sorted(images.labels.tolist())


def test_channels_last_changes_the_layout_in_memory_only(images, build):
    plain, last = (
        next(iter(pretraining_loader(images, build, batch=4, seed=0, channels_last=flag))) for flag in (False, True)
    )
    assert equal(plain, last)
    assert plain[0][0].is_contiguous()
    assert last[0][0].is_contiguous(memory_format=torch.channels_last)


def test_a_damaged_image_met_by_a_worker_is_named_in_one_line(tmp_path):
    write_class_folders(tmp_path, ["a", "b"], 4, size=32)
    (tmp_path / "a" / "large.jpg").write_bytes(jpeg(pixels(0, 1, 1, 48)[0]))  # of another size: nothing is cached
    images = open_images(tmp_path)
    (tmp_path / "b" / "b_2.JPEG").write_bytes(b"broken")
    build = build_views(view_preset("symmetric"), views=2, size=32, mean=FACTS.mean, std=FACTS.std)
    for workers in (0, 1):
        with pytest.raises(DamagedImageError) as caught:
            list(pretraining_loader(images, build, batch=3, seed=0, workers=workers))
        assert "\n" not in str(caught.value)
        assert str(caught.value).startswith("image: expected a readable image; got a damaged one, b/b_2.JPEG in")


def test_files_are_decoded_once_for_all_loaders_of_a_set(tmp_path, build):
    write_class_folders(tmp_path, ["a", "b"], 2, size=32)
    images = open_images(tmp_path)
    loaders = [pretraining_loader(images, build, batch=2, seed=seed) for seed in range(2)]
    assert loaders[0].dataset.images is loaders[1].dataset.images is evaluation_loader(images).dataset.images
    for file in tmp_path.rglob("*.JPEG"):
        file.unlink()
    assert sum(1 for loader in loaders for _ in islice(loader, 5)) == 4


@pytest.mark.parametrize(("workers", "kind"), [(-1, ValueError), (1.5, TypeError)])
def test_a_number_of_workers_without_a_meaning_is_refused(images, build, workers, kind):
    with pytest.raises(kind, match="workers: expected"):
        pretraining_loader(images, build, batch=4, seed=0, workers=workers)
