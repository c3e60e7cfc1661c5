"""Tables stream to disk and appear whole or not at all, also on a disk that is full."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from gramian.runs import RunDirectory, RunError, RunWriteError

PART = pa.table({"layer": pa.array(range(1000), pa.int32()), "value": [float(i) for i in range(1000)]})


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunDirectory]:
    with RunDirectory.open(tmp_path / "run", command="measure", parameters={}) as run:
        yield run


def test_a_streamed_table_holds_every_part_in_order(run: RunDirectory) -> None:
    assert run.write_table("measures", (PART for _ in range(3))) == 3000
    table = run.read_table("measures")
    assert table.equals(pa.concat_tables([PART] * 3))
    assert run.read_table("measures", ["value"]).column_names == ["value"]


def test_only_one_part_is_asked_for_at_a_time(run: RunDirectory) -> None:
    alive = []

    def parts() -> Iterator[pa.Table]:
        for number in range(3):
            alive.append((number, (run.path / ".measures.parquet.aside").exists()))
            yield PART

    run.write_table("measures", parts())
    assert alive == [(0, True), (1, True), (2, True)]
    assert not (run.path / ".measures.parquet.aside").exists()


def test_a_table_of_no_rows_is_a_table(run: RunDirectory) -> None:
    assert run.write_table("measures", [PART.slice(0, 0)]) == 0
    assert run.read_table("measures").num_rows == 0


def test_an_error_while_parts_are_made_leaves_the_old_table(run: RunDirectory) -> None:
    run.write_table("measures", [PART])

    def parts() -> Iterator[pa.Table]:
        yield PART
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        run.write_table("measures", parts())
    assert run.read_table("measures").equals(PART)
    assert not list(run.path.glob(".*.aside"))


def test_an_operating_system_error_of_the_parts_is_not_taken_for_ours(run: RunDirectory) -> None:
    def parts() -> Iterator[pa.Table]:
        yield PART
        (run.path / "absent").read_bytes()

    with pytest.raises(FileNotFoundError):
        run.write_table("measures", parts())


@pytest.mark.parametrize(
    ("name", "tables", "match"),
    [
        ("../x", [PART], "name: expected a lower-case word"),
        ("", [PART], "name: expected a lower-case word"),
        ("measures", [], "tables: expected at least one table; got none"),
        (
            "measures",
            [PART, PART.select(["value"])],
            "tables: expected the columns layer int32, value double throughout",
        ),
    ],
)
def test_bad_tables_are_refused_and_leave_nothing(run: RunDirectory, name: str, tables, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        run.write_table(name, tables)
    assert not list(run.path.glob("*.parquet"))
    assert not list(run.path.glob(".*.aside"))


def test_an_unknown_column_or_table_names_those_there_are(run: RunDirectory) -> None:
    run.write_table("measures", [PART])
    with pytest.raises(ValueError, match="columns: expected some of layer, value; got values"):
        run.read_table("measures", ["values"])
    with pytest.raises(RunError, match=r"expected a table; got no such file\. Tables there: measures"):
        run.read_table("scores")


def test_without_pyarrow_the_error_names_the_extra(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ImportError, match=r'pip install "gramian\[layers\]"'):
        run.write_table("measures", [PART])


FULL_DISK = """
import errno, os, subprocess, sys
import numpy as np, pyarrow as pa
from gramian.runs import RunDirectory, RunWriteError
folder = sys.argv[1]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=True)
run = RunDirectory.open(folder + "/run", command="measure", parameters={})
run.save_chunk("kept", {"x": np.arange(100)})
def refused(act):
    try:
        act()
    except RunWriteError as error:
        assert error.errno == errno.ENOSPC, error
        assert "The disk is full" in str(error), error
    else:
        raise SystemExit("the full disk was not noticed")
noise = np.random.default_rng(0).random(1 << 18)
refused(lambda: run.save_chunk("big", {"x": np.tile(noise, 2)}))
refused(lambda: run.write_table("measures", (pa.table({"x": noise}) for _ in range(4))))
refused(lambda: run.update_manifest(filler="x" * (1 << 22)))
assert run.done() == {"kept"}
assert sorted(os.listdir(folder + "/run")) == [".lock", "manifest.json", "progress"], os.listdir(folder + "/run")
run.write_table("measures", [pa.table({"x": noise[:10]})])
run.finish(); run.close()
subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
for path in ("/run", "/other"):
    try:
        RunDirectory.open(folder + path, command="measure", parameters={})
    except RunWriteError as error:
        assert error.errno == errno.EROFS and "read-only" in str(error), error
    else:
        raise SystemExit("the read-only disk was not noticed")
print("as claimed")
"""


def test_a_full_or_read_only_disk_is_a_clear_error_and_leaves_nothing_partial(tmp_path: Path) -> None:
    # A mount namespace of its own: the small disk disappears with the process, whatever happens to this test.
    rights = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("no unshare here, so no small disk can be mounted")
    space = [unshare, "--mount", *rights]
    probe = subprocess.run([*space, "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("no right to mount a small disk here")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [*space, sys.executable, "-c", FULL_DISK, str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "as claimed\n"), done.stderr


SIZE_LIMIT = """
import errno, os, resource, signal, sys
import numpy as np
from gramian.runs import RunDirectory, RunWriteError
run = RunDirectory.open(sys.argv[1], command="measure", parameters={})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
try:
    run.save_chunk("big", {"x": np.zeros(1 << 16)})
except RunWriteError as error:
    assert error.errno == errno.EFBIG and "size limit" in str(error), error
    assert run.done() == set() and not os.listdir(sys.argv[1] + "/progress")
    print("as claimed")
"""


def test_a_file_size_limit_is_a_clear_error_and_leaves_nothing_partial(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, "-c", SIZE_LIMIT, str(tmp_path)], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stdout) == (0, "as claimed\n"), done.stderr


def test_a_directory_without_write_permission_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(RunWriteError, match="may not be written by this user") as caught:
        RunDirectory.open(tmp_path / "run", command="measure", parameters={})
    assert isinstance(caught.value, ValueError)
