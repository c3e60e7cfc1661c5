"""What the page calls each source: its model, and beyond that only what tells it from the others."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from gramian.report._source import IDENTITY, Source


def labelled(sources: list[Source]) -> list[Source]:
    """The sources with labels that differ."""
    candidates = [
        [source.identity[key] for key in IDENTITY] + [source.directory.name or str(source.directory)]
        for source in sources
    ]
    parts = [0] + [part for part in range(1, 5) if len({names[part] for names in candidates}) > 1]
    labels = []
    for names in candidates:
        for used in range(1, len(parts) + 1):
            label = " · ".join(dict.fromkeys(names[part] for part in parts[:used] if names[part]))
            if sum(all(other[part] == names[part] for part in parts[:used]) for other in candidates) == 1:
                break
        labels.append(label or "saved activations")
    repeated = Counter(labels)
    seen: Counter[str] = Counter()
    result = []
    for source, label in zip(sources, labels, strict=True):
        seen[label] += 1
        result.append(replace(source, label=f"{label} ({seen[label]})" if repeated[label] > 1 else label))
    return result
