"""`gramian multiview`: an encoder of what paired views share."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gramian.cli._plan_options import JsonOutput
from gramian.cli._progress import ProgressBar

if TYPE_CHECKING:
    import numpy as np

    from gramian.multiview import DiMEEncoder

_TRAINING = "Training"
_OUTPUT = "Output"
# What a run leaves; nothing else is ever removed.
_START = r"start-\d+"
_OURS = ("checkpoints", "logs", "encoder", "latents.npz", "multiview.json", "report.html")


def multiview_command(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="VIEW...", help="Paired arrays (.npy, or one .npz of them), or folders of images with equal names."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The run directory.", rich_help_panel=_OUTPUT)],
    encoder: Annotated[str, typer.Option(help="linear, mlp or conv.", rich_help_panel=_TRAINING)] = "mlp",
    latent: Annotated[int, typer.Option(help="Width of the shared codes.", rich_help_panel=_TRAINING)] = 10,
    exclusive: Annotated[
        int, typer.Option(help="Width of the codes of a view alone; 0 for none.", rich_help_panel=_TRAINING)
    ] = 0,
    independence: Annotated[
        float,
        typer.Option(help="Weight of what keeps these from repeating the shared ones.", rich_help_panel=_TRAINING),
    ] = 1.0,
    alpha: Annotated[
        float, typer.Option(help="Order of the entropies; 2 is fastest.", rich_help_panel=_TRAINING)
    ] = 1.01,
    bandwidth: Annotated[
        str, typer.Option(help="dimension, median, learned or a number.", rich_help_panel=_TRAINING)
    ] = "dimension",
    permutations: Annotated[int, typer.Option(help="Of a step.", rich_help_panel=_TRAINING)] = 5,
    epochs: Annotated[int, typer.Option(help="Passes over the samples.", rich_help_panel=_TRAINING)] = 50,
    batch_size: Annotated[int, typer.Option(help="Samples a step.", rich_help_panel=_TRAINING)] = 256,
    lr: Annotated[float, typer.Option(help="Rate of Adam.", rich_help_panel=_TRAINING)] = 1e-3,
    n_init: Annotated[
        int,
        typer.Option(
            help="Trainings from different first weights; the one of least loss is kept.", rich_help_panel=_TRAINING
        ),
    ] = 1,
    held_out: Annotated[
        float, typer.Option(help="Share of samples to judge by.", min=0.01, max=0.9, rich_help_panel=_TRAINING)
    ] = 0.2,
    image_size: Annotated[int, typer.Option(help="Side of images, in pixels.", min=4, rich_help_panel=_TRAINING)] = 32,
    seed: Annotated[int, typer.Option(help="Of every draw.", min=0, max=2**32 - 1, rich_help_panel=_TRAINING)] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, ...", rich_help_panel=_TRAINING)] = "auto",
    report: Annotated[bool, typer.Option(help="Write report.html too.", rich_help_panel=_OUTPUT)] = True,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Start anew whatever run is there.", rich_help_panel=_OUTPUT)
    ] = False,
    json_output: JsonOutput = False,
) -> None:
    """Train encoders of what paired views share; the same command again goes on where it stopped."""

    from gramian.cli._view_sources import read_views
    from gramian.multiview import DiMEEncoder, retrieval_ranks, save_encoder
    from gramian.multiview._view_arrays import checked_views
    from gramian.runs import write_document

    with ProgressBar(quiet=json_output) as bar:
        bar.begin("Reading")
        found = read_views(sources, size=image_size)
        views = [view.numpy() for view in checked_views(found.views)]
        held = _held(len(views[0]), held_out, seed)
        model = DiMEEncoder(
            encoders=encoder, latent=latent, exclusive=exclusive, independence=independence, alpha=alpha,
            bandwidth=_bandwidth(bandwidth), permutations=permutations, epochs=epochs, batch_size=batch_size, lr=lr,
            n_init=n_init, seed=seed, device=device, out=out,
        )  # fmt: skip
        _prepare(out, overwrite)
        model.fit([view[~held] for view in views], progress=bar.update)
    codes = [code for code in model.transform(views) if code is not None]
    ranks = retrieval_ranks(codes[0][held], codes[1][held], fitted_on=(codes[0][~held], codes[1][~held]))
    document: dict[str, Any] = {
        "format": "gramian-multiview",
        "version": 1,
        "views": found.titles,
        "training": int((~held).sum()),
        "held_out": int(held.sum()),
        "steps": len(model.history_["loss"]),
        "start_losses": [float(loss) for loss in model.start_losses_],
        "resumed": model.resumed_,
        "dime_training": model.score([view[~held] for view in views]),
        "dime_held_out": model.score([view[held] for view in views]),
        "retrieved_first": float((ranks == 0).mean()),
        "chance": 1 / int(held.sum()),
    }
    save_encoder(model, out / "encoder")
    _write_latents(out / "latents.npz", model, views, codes, held, found.names)
    write_document(out / "multiview.json", document)
    if report:
        _write_page(
            out / "report.html", document, model, [view[held] for view in views], [code[held] for code in codes], ranks
        )
    if json_output:
        typer.echo(json.dumps({"run": str(out), **document}))
        return
    typer.echo(
        f"{len(views)} views of {len(held):,} samples; {document['steps']:,} steps.\n"
        f"DiME of the shared codes, nats: {document['dime_training']:.3f} in training, "
        f"{document['dime_held_out']:.3f} on {document['held_out']:,} samples held out.\n"
        f"The other view is the nearest of {document['held_out']:,} codes for {document['retrieved_first']:.1%} of them "
        f"(chance {document['chance']:.1%})."
    )
    typer.echo(f"Run: {out}")


def _held(count: int, share: float, seed: int) -> np.ndarray:
    import numpy as np

    number = max(2, round(share * count))
    if count - number < 2:
        raise ValueError(f"views: expected at least 4 samples and 2 to train on; got {count}. Hold out fewer.")
    held = np.zeros(count, dtype=bool)
    held[np.random.default_rng(seed).permutation(count)[:number]] = True
    return held


def _bandwidth(typed: str) -> Any:
    try:
        return float(typed)
    except ValueError:
        return typed


def _prepare(out: Path, overwrite: bool) -> None:
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out: expected a directory; got the file {out}. Give another name.")
    there = {path.name for path in out.iterdir()} if out.exists() else set()
    ours = {name for name in there if name in _OURS or re.fullmatch(_START, name)}
    if there - ours:
        other = sorted(there - ours)[0]
        raise ValueError(
            f"--out: expected a new directory or a run of this command; got {out} with {other}. Give another."
        )
    for name in sorted(ours) if overwrite else ():
        path = out / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _write_latents(
    path: Path,
    model: DiMEEncoder,
    views: list[np.ndarray],
    codes: list[Any],
    held: np.ndarray,
    names: tuple[str, ...] | None,
) -> None:
    import numpy as np

    from gramian.runs._atomic import written_whole

    arrays: dict[str, Any] = {f"shared_{place + 1}": code for place, code in enumerate(codes)}
    if model.exclusive:
        arrays |= {f"exclusive_{place + 1}": code for place, code in enumerate(model.transform_exclusive(views))}
    arrays["held_out"] = held
    if names is not None:
        arrays["names"] = np.array(names)
    with written_whole(path) as file:
        np.savez(file, **arrays)


def _write_page(
    path: Path, document: dict[str, Any], model: DiMEEncoder, views: list[np.ndarray], codes: list[Any], ranks: Any
) -> None:
    from html import escape

    from gramian.multiview import latent_map, retrieval_curve, training_curves, traversal
    from gramian.runs._atomic import written_whole

    figures = [training_curves(model.history_), latent_map(codes), retrieval_curve(ranks)]
    if model.exclusive:
        for view in range(len(views)):
            figures += [
                traversal(model, views, view=view, part="exclusive"),
                traversal(model, views, view=view, part="shared"),
            ]
    drawn = "\n".join(
        figure.to_html(full_html=False, include_plotlyjs=place == 0, div_id=f"figure-{place}")
        for place, figure in enumerate(figures)
    )
    title = escape(f"What {' and '.join(document['views'])} share")
    facts = (
        f"DiME of the shared codes: {document['dime_training']:.3f} nats in training, {document['dime_held_out']:.3f} on "
        f"{document['held_out']} samples held out, whose codes the map and the retrieval show. The rotation between views is fitted "
        "on the samples of training for the retrieval, on those shown for the map."
    )
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
        f'<body style="font-family:sans-serif;max-width:48rem;margin:2rem auto"><h1>{title}</h1><p>{facts}</p>{drawn}</body></html>\n'
    )
    with written_whole(path) as file:
        file.write(text.encode())
