"""The manifest says what a run ran on, and nothing about who ran it."""

from __future__ import annotations

import json
import platform
import socket

import numpy
import torch

from gramian import __version__
from gramian.runs import hardware, versions


def test_versions_are_those_of_the_imported_packages() -> None:
    found = versions()
    assert found["python"] == platform.python_version()
    assert found["gramian"] == __version__
    assert found["numpy"] == numpy.__version__
    assert torch.__version__.startswith(found["torch"])


def test_hardware_is_plain_and_positive() -> None:
    found = hardware()
    assert found["processor"]
    assert found["cores"] >= 1
    assert found["memory"] > 1 << 20
    assert isinstance(found["graphics"], list)
    assert json.loads(json.dumps(found)) == found


def test_hardware_names_no_host() -> None:
    assert socket.gethostname() not in json.dumps(hardware())
