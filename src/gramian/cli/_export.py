"""`gramian export`: a layer of a model, cut off and pooled, for sentence-transformers; or a pretrained backbone."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from gramian.cli._progress import ProgressBar

_WHICH = "Which vectors"
_MODEL = "Model"


def export_command(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="DIR|MODEL",
            help="A finished run, whose model is looked up by its manifest; a model as in gramian measure; or a run or checkpoint"
            " of gramian pretrain.",
        ),
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="The folder to write; of a pretrained backbone a .safetensors file.")
    ],
    layer: Annotated[
        int | None,
        typer.Option(
            help="0 to depth, negative from the end; default: the run's recommendation.", rich_help_panel=_WHICH
        ),
    ] = None,
    pooling: Annotated[
        str | None,
        typer.Option(
            help="mean, mean_no_first, last, first or weighted_mean; default: the run's, or mean.",
            rich_help_panel=_WHICH,
        ),
    ] = None,
    normalize: Annotated[
        str | None, typer.Option(help="raw or final_norm; default: the run's, or raw.", rich_help_panel=_WHICH)
    ] = None,
    stream: Annotated[
        str | None,
        typer.Option(
            help="residual; or final_norm, the normed last state, with the last layer.", rich_help_panel=_WHICH
        ),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option(help="Cut longer texts; default: as the run did, or the model's limit.", rich_help_panel=_WHICH),
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace an earlier export in OUT.")] = False,
    model: Annotated[
        str | None,
        typer.Option(
            help="Where the model of the run is, if its manifest does not lead there.", rich_help_panel=_MODEL
        ),
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Revision of a hub model.", rich_help_panel=_MODEL)] = None,
    dtype: Annotated[
        str | None,
        typer.Option(
            help="float32, bfloat16 or float16 of the written weights; default: the run's, or auto.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, mps.", rich_help_panel=_MODEL)] = None,
    untrained: Annotated[
        bool, typer.Option(help="The same architecture with random weights.", rich_help_panel=_MODEL)
    ] = False,
    seed: Annotated[int, typer.Option(help="Of --untrained's weights.", rich_help_panel=_MODEL)] = 0,
    instruction: Annotated[
        str, typer.Option(help="Text put before each text, read and not pooled.", rich_help_panel=_MODEL)
    ] = "",
    blocks: Annotated[
        str | None, typer.Option(help="Path of the block list in an unknown architecture.", rich_help_panel=_MODEL)
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Write one layer as a sentence-transformers model that gives the same vectors; blocks after it are left out.

    Of a run or checkpoint of gramian pretrain: the backbone's weights, for torchvision and timm.
    """
    if _is_pretraining(source):
        _refuse(context, {*context.params} - _OF_BACKBONES, "a pretrained backbone")
        _export_backbone(source, out, overwrite=overwrite, json_output=json_output)
        return
    from gramian.downstream import export_layer, export_run

    of_run = (Path(source) / "manifest.json").is_file()
    _refuse(context, _OF_MODELS if of_run else _OF_RUNS, "a run" if of_run else "a model")
    options: dict[str, Any] = {"revision": revision, "dtype": dtype, "device": device}
    given = {name: value for name, value in options.items() if value is not None}
    with ProgressBar(quiet=json_output) as bar:
        bar.begin("Exporting")
        if of_run:
            result = export_run(
                source,
                out=out,
                layer=layer,
                pooling=pooling,
                normalize=normalize,
                stream=stream,
                max_tokens=max_tokens,
                model=model,
                overwrite=overwrite,
                model_options=given,
            )
        else:
            if layer is None:
                raise ValueError(
                    "--layer: expected a number with a model; got none. A run with a recommendation needs none."
                )
            result = export_layer(
                source,
                layer=layer,
                out=out,
                pooling=pooling or "mean",
                normalize=normalize or "raw",
                stream=stream or "residual",
                max_tokens=max_tokens,
                overwrite=overwrite,
                model_options={
                    **given,
                    "untrained": untrained,
                    "seed": seed,
                    "instruction": instruction,
                    "blocks": blocks,
                },
            )
    record = result.record
    if json_output:
        typer.echo(json.dumps({"folder": str(result.folder), **record}))
        return
    typer.echo(
        f"{record['model']}, layer {record['layer']} of {record['depth']}, {result.reading.variant}: {record['width']} features, "
        f"{record['parameters'] / 1e6:.1f} million parameters."
    )
    typer.echo(
        f"Sentence-transformers gives the whole model's vectors, to {record['largest_distance']:.1g} of the distance between texts."
    )
    typer.echo(f"Model:  {result.folder}")


# What only one kind of source can be told; anything else would be ignored.
_OF_MODELS = {"untrained", "seed", "instruction", "blocks"}
_OF_RUNS = {"model"}
_OF_BACKBONES = {"source", "out", "overwrite", "json_output"}


def _is_pretraining(source: str) -> bool:
    path = Path(source)
    if path.suffix == ".ckpt":
        return True
    manifest = path / "manifest.json"
    try:
        return manifest.is_file() and json.loads(manifest.read_bytes()).get("command") == "pretrain"
    except (ValueError, AttributeError):
        return False  # the reader of runs says what is wrong with it


def _export_backbone(source: str, out: Path, *, overwrite: bool, json_output: bool) -> None:
    from gramian.ssl import export_backbone

    found = export_backbone(source, out, overwrite=overwrite)
    if json_output:
        typer.echo(json.dumps({**dataclasses.asdict(found), "path": str(found.path), "loads_as_is": found.loads_as_is}))
        return
    typer.echo(
        f"{found.name} of width {found.width} after {found.epochs:g} epochs of {found.method} on {found.data}: "
        f"{found.features} features, {found.parameters / 1e6:.1f} million numbers."
    )
    if found.loads_as_is:
        typer.echo(
            f"torchvision and timm load it as {found.name} with strict=False, where their classifier alone is missing."
        )
    else:
        typer.echo(
            "Its first convolution or its width is not torchvision's: the file's metadata say how to build the model."
        )
    typer.echo(f"Weights: {found.path}")


def _refuse(context: typer.Context, names: set[str], kind: str) -> None:
    for name in sorted(names):
        origin = context.get_parameter_source(name)
        if origin is not None and origin.name == "COMMANDLINE":
            option = "--" + name.replace("_", "-")
            raise ValueError(f"{option}: expected none with {kind}; got one. Leave it out: nothing would use it")
