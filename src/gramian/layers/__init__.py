"""From a model and a corpus to the hidden states of every layer to measures."""

from gramian.layers._accumulator_cost import AccumulatorCost, accumulator_cost
from gramian.layers._activations import Activations, load_activations
from gramian.layers._batches import plan_batches
from gramian.layers._checkpoints import is_checkpoint_name, training_step
from gramian.layers._conditions import Condition
from gramian.layers._corpus import Corpus, load_corpus
from gramian.layers._encoding import Encoded, encode, token_lengths
from gramian.layers._image_encoding import EncodedImages, encode_images
from gramian.layers._image_views import ImageRates, augment_image
from gramian.layers._images import ImageFile, is_image_source
from gramian.layers._layered_model import LanguageModel, LayeredModel, VisionModel
from gramian.layers._measuring import MeasureResult, Progress, is_activations, measure
from gramian.layers._model_sources import find_source
from gramian.layers._models import load_model
from gramian.layers._prompts import load_corpus_for
from gramian.layers._stream_check import check_streams
from gramian.layers._streams import LayerStates, layer_states, stream_states
from gramian.layers._views import Rates, augment

__all__ = [
    "AccumulatorCost",
    "Activations",
    "Condition",
    "Corpus",
    "Encoded",
    "EncodedImages",
    "ImageFile",
    "ImageRates",
    "LanguageModel",
    "LayerStates",
    "LayeredModel",
    "MeasureResult",
    "Progress",
    "Rates",
    "VisionModel",
    "accumulator_cost",
    "augment",
    "augment_image",
    "check_streams",
    "encode",
    "encode_images",
    "find_source",
    "is_activations",
    "is_checkpoint_name",
    "is_image_source",
    "layer_states",
    "load_activations",
    "load_corpus",
    "load_corpus_for",
    "load_model",
    "measure",
    "plan_batches",
    "stream_states",
    "token_lengths",
    "training_step",
]
