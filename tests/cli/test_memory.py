"""Peak memory does not grow with the corpus: what must be kept lives in mapped files."""

import json
import subprocess
import sys

import pytest

from tests.layers._tiny import save_tiny

# The peak of the process itself, not of the shell or a child: ru_maxrss would also count pages shared with the parent at fork.
PROGRAM = """
import json, sys
from gramian.layers import load_model, measure
prompts = int(sys.argv[3])
measure(load_model(sys.argv[1]), out=sys.argv[2], corpus=sys.argv[4], prompts=prompts, views=2, max_tokens=32, min_tokens=8)
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
print(json.dumps(int(status["VmHWM"].split()[0]) / 1024))
"""


def peak(model, out, prompts, corpus):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, model, out, str(prompts), corpus],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_peak_memory_grows_by_less_than_50_mb_from_200_to_2000_prompts(tmp_path):
    """All measures, two views, width 256: 2,000 prompts would need 60 MB for the pooled vectors alone."""
    model = str(save_tiny(tmp_path / "model", hidden_size=256, num_hidden_layers=4, head_dim=64))
    corpus = tmp_path / "corpus.txt"
    text = "a gram matrix of every layer keeps what the prompt said and loses what it did not say"
    words = text.split()
    corpus.write_text(
        "\n\n".join(" ".join(words[(i * j) % 17] for j in range(1, 30)) + f" number {i}." for i in range(2200))
    )
    small = peak(model, str(tmp_path / "small"), 200, str(corpus))
    large = peak(model, str(tmp_path / "large"), 2000, str(corpus))
    assert large - small < 50, f"{small:.0f} MB for 200 prompts, {large:.0f} MB for 2,000"
