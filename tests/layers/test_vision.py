"""Models of images: loading, towers, layers, batches, runs."""

from __future__ import annotations

import json
import shutil
from functools import cache

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from gramian.layers import (
    Condition,
    EncodedImages,
    ImageRates,
    LanguageModel,
    LayeredModel,
    Rates,
    VisionModel,
    check_streams,
    encode,
    encode_images,
    layer_states,
    load_corpus,
    load_model,
    measure,
    stream_states,
)
from gramian.layers._model_identity import describe
from gramian.layers._vision import wrap_vision_model
from gramian.runs import read_run
from tests.layers._tiny import save_tiny, tiny_backbone, tiny_tokenizer
from tests.layers._tiny_vision import (
    PATCHES,
    VISION_FAMILIES,
    cifar10,
    save_pictures,
    save_tiny_vision,
    tiny_clip,
    tiny_pictures,
    tiny_processor,
    tiny_vision_backbone,
    tiny_vision_model,
    zipped,
)

every_family = pytest.mark.parametrize("family", VISION_FAMILIES)


@cache
def family_model(family):
    return tiny_vision_model(family)


@pytest.fixture(scope="module")
def vit_folder(tmp_path_factory):
    """A folder with a tiny ViT; not to be changed."""
    return save_tiny_vision(tmp_path_factory.mktemp("models") / "tiny-vit")


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory):
    """A folder with a tiny CLIP, both towers; not to be changed."""
    folder = tmp_path_factory.mktemp("models") / "tiny-clip"
    tiny_clip().save_pretrained(folder)
    tiny_processor().save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


# What layer k is


@every_family
def test_tokens_are_special_ones_then_patches(family):
    model = family_model(family)
    assert model.tokens == VISION_FAMILIES[family][2] + PATCHES
    states = layer_states(model, tiny_pictures(2))
    assert states.residual.shape == (4, 2, model.tokens, 32)
    assert bool(states.mask.all())


@every_family
def test_final_norm_entry_is_what_the_model_s_own_norm_returns(family):
    """The last hidden state where the model norms every token; the pooled output where it norms the class token alone."""
    model = family_model(family)
    batch = encode_images(model, tiny_pictures(2))
    states = layer_states(model, batch)
    with torch.no_grad():
        outputs = model.model(**batch.inputs("cpu"))
    if family == "beit":  # norms the mean of the patches, which is no norm of the stream
        assert model.final_norm is states.final_norm is None
    elif family == "clip_vision_model":
        torch.testing.assert_close(outputs.last_hidden_state, states.residual[-1], rtol=0, atol=1e-5)
        torch.testing.assert_close(outputs.pooler_output, states.final_norm[:, 0], rtol=0, atol=1e-5)
    else:
        torch.testing.assert_close(outputs.last_hidden_state, states.final_norm, rtol=0, atol=1e-5)


@every_family
def test_the_start_up_check_passes_again(family):
    assert check_streams(family_model(family)) == "embedding first"


def test_streams_come_in_order_with_the_norm_last():
    model, seen = family_model("clip_vision_model"), []
    batch = encode_images(model, tiny_pictures(1))
    stream_states(model, batch, lambda layer, stream, states, mask: seen.append((layer, stream, tuple(states.shape))))
    assert [entry[:2] for entry in seen] == [
        (0, "residual"),
        (1, "residual"),
        (2, "residual"),
        (3, "residual"),
        (3, "final_norm"),
    ]
    assert {entry[2] for entry in seen} == {(1, 17, 32)}


def test_normalized_layers_are_the_norm_of_the_raw_ones():
    model = family_model("dinov2")
    raw = layer_states(model, tiny_pictures(2))
    normed = layer_states(model, tiny_pictures(2), normalize="final_norm")
    by_hand = torch.nn.functional.layer_norm(
        raw.residual, (32,), model.final_norm.weight, model.final_norm.bias, model.final_norm.eps
    )
    torch.testing.assert_close(normed.residual, by_hand.detach(), rtol=0, atol=1e-5)
    torch.testing.assert_close(normed.final_norm, raw.final_norm, rtol=0, atol=1e-6)


def test_normalizing_without_a_norm_is_refused():
    with pytest.raises(ValueError, match="normalize: expected None for a model without a final norm"):
        layer_states(family_model("beit"), tiny_pictures(1), normalize="final_norm")


def test_layer_zero_of_vit_is_patches_and_positions():
    model = family_model("vit")
    batch = encode_images(model, tiny_pictures(1))
    embeddings = model.model.embeddings
    with torch.no_grad():
        patches = embeddings.patch_embeddings(batch.pixel_values)
        expected = torch.cat([embeddings.cls_token, patches], 1) + embeddings.position_embeddings
    torch.testing.assert_close(layer_states(model, batch).residual[0], expected)


# Loading


def test_a_folder_loads_with_its_facts(vit_folder):
    model = load_model(str(vit_folder), device="cpu")
    assert isinstance(model, VisionModel)
    assert isinstance(model, LayeredModel)
    assert not isinstance(model, LanguageModel)
    assert (model.modality, model.name, model.family, model.kind) == ("image", "tiny-vit", "vit", "vision encoder")
    assert (model.depth, model.width, model.tokens, model.image_shape) == (3, 32, 17, (3, 32, 32))
    assert not any(parameter.requires_grad for parameter in model.model.parameters())
    pictures = tiny_pictures(2)
    torch.testing.assert_close(
        layer_states(model, pictures).residual, layer_states(family_model("vit"), pictures).residual
    )


def test_untrained_weights_depend_on_the_seed_alone(vit_folder):
    models = [load_model(str(vit_folder), device="cpu", untrained=True, seed=seed) for seed in (3, 3, 4)]
    assert models[0].untrained
    assert models[0].name == "tiny-vit (untrained)"
    first, again, other = (layer_states(model, tiny_pictures(1)).residual for model in models)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert models[0].weights_hash == models[1].weights_hash != models[2].weights_hash


def test_loading_and_encoding_leave_the_global_random_state_alone(vit_folder):
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    layer_states(load_model(str(vit_folder), device="cpu", untrained=True), tiny_pictures(1))
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])


def test_a_classifier_s_head_is_left_out(tmp_path):
    with torch.random.fork_rng():
        transformers.ViTForImageClassification(tiny_vision_backbone("vit").config).save_pretrained(tmp_path)
    tiny_processor().save_pretrained(tmp_path)
    assert type(load_model(str(tmp_path), device="cpu").model).__name__ == "ViTModel"


def test_half_precision_takes_pixels_in_its_own_format(vit_folder):
    model = load_model(str(vit_folder), device="cpu", dtype="bfloat16")
    assert encode_images(model, tiny_pictures(1)).pixel_values.dtype == torch.bfloat16
    states, exact = layer_states(model, tiny_pictures(1)), layer_states(family_model("vit"), tiny_pictures(1))
    assert states.residual.dtype == torch.bfloat16
    assert (states.residual - exact.residual).abs().max() < 0.05 * exact.residual.abs().max()


def test_of_clip_the_vision_tower_is_kept_unless_the_other_is_asked_for(clip_folder):
    whole = tiny_clip()
    vision = load_model(str(clip_folder), device="cpu")
    assert (vision.name, vision.family) == ("tiny-clip (vision tower)", "clip_vision_model")
    assert describe(load_model(str(clip_folder), device="cpu", tower="vision")) == describe(vision)
    expected = wrap_vision_model(whole.vision_model, tiny_processor(), name="tower")
    pictures = tiny_pictures(2)
    torch.testing.assert_close(layer_states(vision, pictures).residual, layer_states(expected, pictures).residual)
    text = load_model(str(clip_folder), device="cpu", tower="text")
    assert (text.modality, text.depth, text.width, text.is_causal) == ("text", 2, 16, True)
    encoded = encode(text, ["a text", "a longer text"])
    with torch.no_grad():
        reported = whole.text_model(**encoded.inputs("cpu"), output_hidden_states=True).hidden_states
    states = layer_states(text, encoded)
    torch.testing.assert_close(states.residual[1][states.mask], reported[1][states.mask], rtol=0, atol=1e-5)


def test_an_untrained_tower_is_that_of_the_untrained_whole(clip_folder):
    models = [load_model(str(clip_folder), device="cpu", untrained=True, seed=seed) for seed in (0, 0, 1)]
    first, again, other = (layer_states(model, tiny_pictures(1)).residual for model in models)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_tower_s_checkpoint_without_the_other_is_enough(tmp_path, clip_folder):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(clip_folder, tmp_path / "half")
    weights = load_file(folder / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if name.startswith("vision_model.")}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    assert load_model(str(folder), device="cpu").tokens == 17
    with pytest.raises(ValueError, match=r"expected weights for the whole model.*text_model\."):
        load_model(str(folder), device="cpu", tower="text")


@pytest.mark.parametrize(
    ("folder", "options", "message"),
    [
        ("vit", {"tower": "text"}, "tower: expected vision or None for tiny-vit .*; got 'text'"),
        ("vit", {"tower": "sound"}, "tower: expected vision or text; got 'sound'"),
        (
            "vit",
            {"instruction": "look: "},
            "instruction, chat_template: expected none for tiny-vit, which reads images",
        ),
        ("vit", {"blocks": "encoder"}, "blocks: expected the dotted path of a non-empty ModuleList"),
        ("llama", {"tower": "vision"}, "tower: expected text or None for .*; got 'vision'"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(vit_folder, llama_folder, folder, options, message):
    with pytest.raises(ValueError, match=message):
        load_model(str({"vit": vit_folder, "llama": llama_folder}[folder]), device="cpu", **options)


def test_a_folder_without_image_processor_is_refused(tmp_path, vit_folder):
    folder = shutil.copytree(vit_folder, tmp_path / "bare")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(
        ValueError, match=r"name: expected an image processor in .*bare; got no preprocessor_config\.json"
    ):
        load_model(str(folder), device="cpu")
    (folder / "preprocessor_config.json").write_text("{")
    with pytest.raises(ValueError, match=r"name: expected a readable image processor in .*bare"):
        load_model(str(folder), device="cpu")


@pytest.mark.parametrize("missing", ["torchvision", "PIL"])
def test_a_missing_extra_names_the_command(vit_folder, tmp_path, missing, monkeypatch):
    from gramian.layers import _images

    pictures = save_pictures(tmp_path / "pictures", 2)
    monkeypatch.setattr(_images, "find_spec", lambda name: None if name == missing else True)
    package = {"PIL": "pillow"}.get(missing, missing)
    message = rf"expected the package {package}; got none. Run `pip install 'gramian\[vision\]'`"
    with pytest.raises(ImportError, match=message):
        load_model(str(vit_folder), device="cpu")
    with pytest.raises(ImportError, match=message):
        load_corpus(pictures)


def test_a_processor_that_keeps_shapes_apart_is_refused(tmp_path):
    processor = transformers.CLIPImageProcessor(size={"shortest_edge": 32}, do_center_crop=False)
    folder = save_tiny_vision(tmp_path / "shapes", processor=processor)
    with pytest.raises(ValueError, match="image processor: expected one that brings every image to one shape"):
        load_model(str(folder), device="cpu")


def test_a_processor_of_another_size_than_the_model_s_is_refused(tmp_path):
    processor = transformers.ViTImageProcessor(size={"height": 48, "width": 48})
    folder = save_tiny_vision(tmp_path / "larger", processor=processor)
    with pytest.raises(
        ValueError, match=r"image processor: expected images of a size that larger takes; got \(3, 48, 48\)"
    ):
        load_model(str(folder), device="cpu")


def test_models_that_mask_at_random_or_change_their_tokens_are_refused():
    masked = transformers.ViTMAEModel(
        transformers.ViTMAEConfig(**{**VISION_FAMILIES["vit"][1], "num_hidden_layers": 2})
    )
    with pytest.raises(ValueError, match="expected states that depend on the image alone"):
        wrap_vision_model(masked, tiny_processor(), name="mae")
    swin = transformers.SwinModel(
        transformers.SwinConfig(
            image_size=32, patch_size=4, embed_dim=16, depths=[1, 1], num_heads=[2, 2], window_size=4
        )
    )
    with pytest.raises(ValueError, match="blocks: expected states of shape"):
        wrap_vision_model(swin, tiny_processor(), name="swin")
    with pytest.raises(ValueError, match="blocks: expected"):
        wrap_vision_model(transformers.ConvNextModel(transformers.ConvNextConfig()), tiny_processor(), name="convnext")


def test_wrapping_something_else_is_refused():
    with pytest.raises(TypeError, match="model: expected a model that reads images; got LlamaModel"):
        wrap_vision_model(tiny_backbone("llama"), tiny_processor(), name="x")
    with pytest.raises(TypeError, match="model: expected a transformers model; got str"):
        wrap_vision_model("vit", tiny_processor(), name="x")


def test_wrapping_a_model_with_a_head_keeps_its_gradients():
    with torch.random.fork_rng():
        headed = transformers.ViTForImageClassification(tiny_vision_backbone("vit").config)
    model = wrap_vision_model(headed, tiny_processor(), name="mine")
    assert model.model is headed.vit
    assert all(parameter.requires_grad for parameter in headed.parameters())


# Encoding


def test_pixels_are_those_of_the_model_s_processor():
    model, pictures = family_model("vit"), tiny_pictures(3)
    encoded = encode_images(model, pictures)
    assert isinstance(encoded, EncodedImages)
    expected = tiny_processor()(images=pictures, return_tensors="pt")["pixel_values"]
    assert torch.equal(encoded.pixel_values, expected)
    assert encoded.mask.shape == encoded.attention_mask.shape == (3, 17)


def test_pictures_paths_and_corpora_give_the_same_pixels(tmp_path):
    model = family_model("vit")
    corpus = load_corpus(save_pictures(tmp_path, 3, classes=()))
    paths = [tmp_path / name for name in corpus.texts]
    by_path = encode_images(model, paths).pixel_values
    assert torch.equal(by_path, encode_images(model, corpus.images).pixel_values)
    assert torch.equal(by_path, encode_images(model, [Image.open(path) for path in paths]).pixel_values)
    assert torch.equal(by_path, encode_images(model, [str(path) for path in paths]).pixel_values)


def test_mappings_with_pixels_are_taken_and_checked():
    model = family_model("vit")
    encoded = encode_images(model, tiny_pictures(2))
    by_mapping = layer_states(model, {"pixel_values": encoded.pixel_values})
    assert torch.equal(by_mapping.residual, layer_states(model, encoded).residual)
    for batch, error, message in [
        ({"input_ids": [[1]]}, ValueError, "batch: expected a mapping with pixel_values; got keys input_ids"),
        ({"pixel_values": torch.zeros(2, 3, 16, 16)}, ValueError, r"expected shape \(batch, 3, 32, 32\)"),
        ({"pixel_values": torch.zeros(2, 3, 32, 32, dtype=torch.uint8)}, TypeError, "expected real numbers"),
        ({"pixel_values": torch.full((1, 3, 32, 32), torch.nan)}, ValueError, "expected finite numbers"),
    ]:
        with pytest.raises(error, match=message):
            layer_states(model, batch)


def test_what_is_no_image_is_refused(tmp_path, llama):
    model = family_model("vit")
    (tmp_path / "text.png").write_text("no picture")
    for images, error, message in [
        ([], ValueError, "images: expected at least one image; got none"),
        ("a.png", TypeError, "images: expected a list of images; got str"),
        ([3], TypeError, "images: expected Pillow images, images of a corpus or paths; got int at 0"),
        ([tmp_path / "none.png"], ValueError, "images: expected a readable file; got .*none.png"),
        ([tmp_path / "text.png"], ValueError, "source: expected a readable image; got a damaged one, .*text.png"),
        ([Image.new("I;16", (8, 8))], ValueError, "image: expected eight bits a channel; got mode I;16"),
        ([Image.new("RGB", (1, 200))], ValueError, "image: expected sides within a ratio of 100; got 1 x 200"),
    ]:
        with pytest.raises(error, match=message):
            encode_images(model, images)
    with pytest.raises(TypeError, match="batch: expected images for tiny-vit; got Encoded"):
        layer_states(model, encode(llama, ["a text"]))
    with pytest.raises(TypeError, match="batch: expected texts for tiny-llama; got EncodedImages"):
        layer_states(llama, encode_images(model, tiny_pictures(1)))
    with pytest.raises(ValueError, match="max_tokens: expected None for tiny-vit"):
        layer_states(model, tiny_pictures(1), max_tokens=4)


# Runs


def test_identity_holds_the_processor_and_no_tokenizer():
    model = family_model("vit")
    facts = describe(model)
    assert "tokenizer_hash" not in facts
    assert "instruction" not in facts
    json.dumps(facts)
    brighter = transformers.ViTImageProcessor(size={"height": 32, "width": 32}, image_mean=[0.4, 0.4, 0.4])
    other = describe(wrap_vision_model(model.model, brighter, name=model.name))
    assert other.pop("processor_hash") != facts.pop("processor_hash")
    assert other == facts


SOME = ["prompt_entropy", "curvature", "sink_share", "dataset_entropy", "lidar", "infonce", "augmentation_dime"]


@pytest.mark.filterwarnings("ignore::gramian.quality.SmallSampleWarning")
def test_a_run_with_views_is_the_same_from_folder_and_zip_and_other_batches(tmp_path):
    folder = save_pictures(tmp_path / "pictures", 10)
    archive = zipped(folder, tmp_path / "pictures.zip")
    tables = []
    for source, budget in [(folder, 2048), (archive, 40)]:
        out = tmp_path / f"run-{budget}"
        run = measure(
            family_model("clip_vision_model"),
            corpus=source,
            out=out,
            prompts=8,
            views=2,
            measures=SOME,
            groups=2,
            token_budget=budget,
        )
        tables.append(read_run(run.directory).tables)
    rows = [
        {(r["layer"], r["stream"], r["measure"], r["variant"]): r["value"] for r in t["measures"].to_pylist()}
        for t in tables
    ]
    assert rows[0].keys() == rows[1].keys()
    assert {measure_name for _, _, measure_name, _ in rows[0]} == set(SOME)
    for key, value in rows[0].items():
        assert rows[1][key] == pytest.approx(value, rel=2e-3, abs=2e-4), key
    texts = tables[0]["texts"].to_pylist()
    assert texts == tables[1]["texts"].to_pylist()
    assert [row["label"] for row in texts] == [row["text"].split("/")[0] for row in texts]
    assert {row["tokens"] for row in texts} == {17}


@pytest.mark.filterwarnings("ignore::gramian.quality.SmallSampleWarning")
def test_stronger_views_are_further_from_the_image(tmp_path):
    model, folder = family_model("vit"), save_pictures(tmp_path / "pictures", 16)
    alignments = []
    for number, rates in enumerate([ImageRates(crop=0.1, flip=0, jitter=0.05, grayscale=0), ImageRates()]):
        out = tmp_path / f"run-{number}"
        run = measure(
            model, corpus=folder, out=out, prompts=None, views=2, measures=["alignment"], rates=rates, groups=2
        )
        assert run.manifest["parameters"]["rates"] == {
            "crop": rates.crop,
            "flip": rates.flip,
            "jitter": rates.jitter,
            "grayscale": rates.grayscale,
        }
        rows = read_run(run.directory).tables["measures"].to_pylist()
        alignments.append(next(r["value"] for r in rows if r["layer"] == 3 and r["stream"] == "residual"))
    assert alignments[0] < alignments[1]


def test_prompts_that_a_model_does_not_read_are_refused(tmp_path, llama, vit_folder):
    pictures = save_pictures(tmp_path / "pictures", 4)
    (tmp_path / "text.txt").write_text("some words that are long enough to be measured\n")
    vit = family_model("vit")
    for model, corpus in [
        (vit, "python-docs"),
        (vit, tmp_path / "text.txt"),
        (str(vit_folder), "python-docs"),
        (vit, load_corpus(tmp_path / "text.txt")),
    ]:
        with pytest.raises(ValueError, match="corpus: expected images for tiny-vit, which reads images; got texts"):
            measure(model, corpus=corpus, out=tmp_path / "run")
    for corpus in (pictures, load_corpus(pictures)):
        with pytest.raises(ValueError, match="corpus: expected texts for tiny-llama, which reads texts; got images"):
            measure(llama, corpus=corpus, out=tmp_path / "run")
    with pytest.raises(TypeError, match="rates: expected ImageRates for tiny-vit, which reads images; got Rates"):
        measure(vit, corpus=pictures, out=tmp_path / "run", rates=Rates())
    with pytest.raises(TypeError, match="rates: expected Rates for tiny-llama, which reads texts; got ImageRates"):
        measure(llama, out=tmp_path / "run", rates=ImageRates())
    with pytest.raises(ValueError, match="condition: expected natural for tiny-vit, which reads images"):
        measure(vit, corpus=pictures, out=tmp_path / "run", views=0, condition=Condition("repetition", 0.5))
    assert not (tmp_path / "run").exists()


@pytest.mark.filterwarnings("ignore::gramian.quality.SmallSampleWarning")
def test_cifar_images_run_from_their_zip(tmp_path):
    run = measure(
        family_model("dinov2"), corpus=cifar10(), out=tmp_path / "run", prompts=40, views=2, measures=SOME, groups=2
    )
    tables = read_run(run.directory).tables
    texts = tables["texts"].to_pylist()
    assert len(texts) == 40
    assert {row["label"] for row in texts} <= {
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    }  # fmt: skip
    values = [row["value"] for row in tables["measures"].to_pylist()]
    assert np.isfinite(values).all()


def test_a_text_model_is_still_loaded_as_one(tmp_path):
    assert load_model(str(save_tiny(tmp_path / "bert", "bert")), device="cpu").modality == "text"
