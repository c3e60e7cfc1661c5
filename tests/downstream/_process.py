"""A process of its own that reads texts into a store: `python -m tests.downstream._process FOLDER FIRST LAST`."""

from __future__ import annotations

import json
import sys

from gramian.downstream import LayerReader, VectorStore
from tests.downstream._texts import numbered_texts
from tests.layers._tiny import tiny_model

if __name__ == "__main__":
    folder, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    reader = LayerReader(tiny_model("llama"), store=VectorStore(folder))
    reader.fill(numbered_texts(last)[first:])
    print(json.dumps({"passes": reader.passes}))
