"""Every architecture that the project names: what layer k is, padding, and a run from start to end.

Where the blocks lie and which norm is the last is written down here by hand, so that the search for them has something to
agree with. `tests/layers/test_streams_families.py` asks more of more families of text, `test_vision.py` of images.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pytest
import torch

from gramian.layers import VisionModel, encode, encode_images, layer_states, load_corpus, measure
from gramian.quality import dataset_entropy, prompt_entropy
from gramian.runs import read_run
from tests.layers._tiny import tiny_model
from tests.layers._tiny_vision import save_pictures, tiny_pictures, tiny_vision_model

TEXTS = [
    "The import statement binds names.",
    "Ok, then",
    "A much longer prompt, so that every other one is padded by a lot.",
]
PROSE = [f"Prompt {i} says {'something ' * (i % 3)}about {i * 7} and {i % 5} things." for i in range(6)]


@dataclass(frozen=True)
class Architecture:
    """A tiny model's family, and where its class keeps its blocks and its last norm.

    `shift` is 1 where `hidden_states[k]` is layer k + 1.
    """

    family: str
    blocks: str
    norm: str | None
    shift: int = 0
    images: bool = False


ARCHITECTURES = {
    "Llama": Architecture("llama", "layers", "norm"),
    "Qwen2": Architecture("qwen2", "layers", "norm"),
    "Qwen3": Architecture("qwen3", "layers", "norm"),
    "Gemma": Architecture("gemma", "layers", "norm"),
    "Gemma 3": Architecture("gemma3", "layers", "norm"),
    "GPT-2": Architecture("gpt2", "h", "ln_f"),
    "GPT-NeoX": Architecture("gpt_neox", "layers", "final_layer_norm"),
    "OPT": Architecture("opt", "decoder.layers", "decoder.final_layer_norm"),
    "Mamba": Architecture("mamba", "layers", "norm_f", shift=1),
    "Mamba2": Architecture("mamba2", "layers", "norm_f", shift=1),
    "FalconMamba": Architecture("falcon_mamba", "layers", "norm_f", shift=1),
    "Jamba": Architecture("jamba", "layers", "final_layernorm"),
    "RWKV": Architecture("rwkv", "blocks", "ln_out", shift=1),
    "BERT": Architecture("bert", "encoder.layer", None),
    "RoBERTa": Architecture("roberta", "encoder.layer", None),
    "ModernBERT": Architecture("modernbert", "layers", "final_norm"),
    "T5 encoder": Architecture("t5", "block", "final_layer_norm"),
    "ViT": Architecture("vit", "layers", "layernorm", images=True),
    "DINOv2": Architecture("dinov2", "encoder.layer", "layernorm", images=True),
    "DINOv2 with registers": Architecture("dinov2_with_registers", "encoder.layer", "layernorm", images=True),
    "CLIP vision": Architecture("clip_vision_model", "encoder.layers", "post_layernorm", images=True),
}
every_architecture = pytest.mark.parametrize("name", ARCHITECTURES)


@cache
def model_of(name):
    architecture = ARCHITECTURES[name]
    return (tiny_vision_model if architecture.images else tiny_model)(architecture.family)


def prompts_of(name):
    """Three prompts: texts of unlike lengths, or pictures of unlike shapes."""
    if not ARCHITECTURES[name].images:
        return TEXTS
    return [tiny_pictures(1, seed=i, size=size)[0] for i, size in enumerate([(40, 30), (32, 32), (20, 60)])]


def encoded(model, prompts):
    return encode_images(model, prompts) if isinstance(model, VisionModel) else encode(model, prompts)


def first_of(value):
    return value[0] if isinstance(value, tuple) else value


@every_architecture
def test_stream_k_is_what_goes_into_block_1_and_comes_out_of_block_k(name):
    """Seen by hooks of this test on modules named by this test."""
    model, architecture = model_of(name), ARCHITECTURES[name]
    batch = encoded(model, prompts_of(name))
    blocks = model.model.get_submodule(architecture.blocks)
    seen = []
    handles = [
        blocks[0].register_forward_pre_hook(
            lambda module, args, kwargs: seen.append((args[0] if args else kwargs["hidden_states"]).clone()),
            with_kwargs=True,
        )
    ]
    handles += [
        block.register_forward_hook(lambda m, a, output: seen.append(first_of(output).clone())) for block in blocks
    ]
    with torch.no_grad():
        model.model(**batch.inputs("cpu"))
    for handle in handles:
        handle.remove()
    states = layer_states(model, batch)
    assert model.depth == len(blocks) == len(seen) - 1
    for k, module_output in enumerate(seen):
        assert torch.equal(states.residual[k], module_output.to(states.residual.dtype)), k
        if k:
            assert (states.residual[k] - states.residual[k - 1]).abs().max() > 1e-3, "layers differ"


@every_architecture
def test_hidden_states_count_as_the_table_of_the_docs_says(name):
    model, architecture = model_of(name), ARCHITECTURES[name]
    batch = encoded(model, prompts_of(name))
    states = layer_states(model, batch)
    with torch.no_grad():
        reported = model.model(**batch.inputs("cpu"), output_hidden_states=True).hidden_states
    assert len(reported) == model.depth + 1
    for k in range(model.depth):
        torch.testing.assert_close(
            states.residual[k + architecture.shift][states.mask], reported[k][states.mask], rtol=0, atol=1e-5
        )
    # The last entry: before the norm of models of images, after it of all others.
    last = states.residual[-1] if architecture.images or architecture.norm is None else states.final_norm
    torch.testing.assert_close(last[states.mask], reported[-1][states.mask], rtol=0, atol=1e-5)


@every_architecture
def test_final_norm_is_the_named_norm_of_the_last_stream(name):
    model, architecture = model_of(name), ARCHITECTURES[name]
    states = layer_states(model, prompts_of(name))
    if architecture.norm is None:
        assert model.final_norm is states.final_norm is None
        return
    norm = model.model.get_submodule(architecture.norm)
    assert model.final_norm is norm
    with torch.no_grad():
        expected = norm(states.residual[-1])
    torch.testing.assert_close(states.final_norm[states.mask], expected[states.mask], rtol=0, atol=1e-5)
    assert (states.final_norm - states.residual[-1])[states.mask].abs().max() > 1e-2


@every_architecture
def test_a_batch_gives_what_each_prompt_gives_alone(name):
    """Texts are padded to the longest; images are not, but they share a batch."""
    model, prompts = model_of(name), prompts_of(name)
    together = layer_states(model, prompts)
    scale = together.residual.abs().max()
    for row, prompt in enumerate(prompts):
        alone = layer_states(model, [prompt])
        length = alone.mask.shape[1]
        assert int(together.mask[row].sum()) == length
        difference = together.residual[:, row, :length] - alone.residual[:, 0]
        assert difference.abs().max() <= 1e-5 * scale


@pytest.mark.filterwarnings("ignore::gramian.quality.SmallSampleWarning")
@every_architecture
def test_measured_entropies_are_those_of_the_streams(name, tmp_path):
    """A run from start to end: its numbers are the plain functions of `gramian.quality` on states taken one prompt at a time."""
    model = model_of(name)
    if ARCHITECTURES[name].images:
        corpus = load_corpus(save_pictures(tmp_path / "pictures", 6))
    else:
        (tmp_path / "prose.txt").write_text("\n\n".join(PROSE))
        corpus = load_corpus(tmp_path / "prose.txt")
    run = measure(
        model,
        corpus=corpus,
        out=tmp_path / "run",
        views=0,
        measures=["prompt_entropy", "dataset_entropy"],
        orders=[2],
        groups=2,
    )
    rows = read_run(run.directory).tables["measures"].to_pylist()
    found = {(r["layer"], r["stream"], r["measure"], r["variant"]): r["value"] for r in rows}
    streams = [(k, "residual") for k in range(model.depth + 1)]
    streams += [(model.depth, "final_norm")] if model.final_norm is not None else []
    assert {(layer, stream) for layer, stream, _, _ in found} == set(streams)
    of_prompts = [layer_states(model, [prompt]) for prompt in corpus.prompts]
    for layer, stream in streams:
        tokens = [(s.residual[layer] if stream == "residual" else s.final_norm)[0].double() for s in of_prompts]
        entropies = torch.stack([prompt_entropy(one, alpha=2) for one in tokens])
        pooled = torch.stack([one[1:].mean(0) for one in tokens])
        assert found[layer, stream, "prompt_entropy", "alpha=2;norm=raw;tokens=all"] == pytest.approx(
            float(entropies.mean()), abs=1e-4
        )
        assert found[layer, stream, "dataset_entropy", "alpha=2;norm=raw;tokens=no_first"] == pytest.approx(
            float(dataset_entropy(pooled, alpha=2)), abs=1e-4
        )
