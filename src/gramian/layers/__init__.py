"""From a language model and a corpus to the hidden states of every layer, and to measures of them."""

from gramian.layers._encoding import Encoded, encode, token_lengths
from gramian.layers._models import LanguageModel, load_model, wrap_model
from gramian.layers._stream_check import check_streams
from gramian.layers._streams import LayerStates, layer_states, stream_states

__all__ = [
    "Encoded",
    "LanguageModel",
    "LayerStates",
    "check_streams",
    "encode",
    "layer_states",
    "load_model",
    "stream_states",
    "token_lengths",
    "wrap_model",
]
