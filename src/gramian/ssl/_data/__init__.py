"""Data sets of images: what is known of each, their layouts on disk, and batches of views drawn from a seed."""

from gramian.ssl._data.batches import SeededBatches
from gramian.ssl._data.decoding import DamagedImageError
from gramian.ssl._data.facts import DATA_FACTS, DataFacts, data_facts
from gramian.ssl._data.image_set import ImageSet
from gramian.ssl._data.loading import evaluation_loader, pretraining_loader
from gramian.ssl._data.opening import open_images
from gramian.ssl._data.view_set import ViewSet

__all__ = [
    "DATA_FACTS",
    "DamagedImageError",
    "DataFacts",
    "ImageSet",
    "SeededBatches",
    "ViewSet",
    "data_facts",
    "evaluation_loader",
    "open_images",
    "pretraining_loader",
]
