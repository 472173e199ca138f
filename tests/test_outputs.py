"""Outputs are written whole or not at all, and mean what they mean after a shell's `>`."""

import os
import socket
import stat
import tempfile
import threading
from pathlib import Path

import pytest

from scratch_rnn.checks import UsageError
from scratch_rnn.outputs import check_writable, replacing, same_file


def write(path: Path, text: str) -> None:
    check_writable("--out", path)
    with replacing(path) as part:
        part.write_text(text)


def test_two_writers_of_one_file(tmp_path: Path) -> None:
    """Each has its own temporary file; a check that runs between them removes neither."""
    path = tmp_path / "out"
    with replacing(path) as one:
        one.write_text("one")
        with replacing(path) as two:
            two.write_text("two")
            check_writable("--out", path)
        assert path.read_text() == "two"
    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("before")
    (tmp_path / ".out.part").write_text("of another process")
    with pytest.raises(UnicodeEncodeError), replacing(path) as part:
        part.write_text("half \udcff", encoding="utf-8")
    assert path.read_text() == "before"
    assert sorted(each.name for each in tmp_path.iterdir()) == [".out.part", "out"]


def test_all_of_it_reaches_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file before it gets its name, and the folder afterwards."""
    synced, sync = [], os.fsync

    def noted(descriptor: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), (tmp_path / "out").exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    write(tmp_path / "out", "text")
    assert synced == [(False, False), (True, True)]


def test_a_system_without_owners_and_without_folders_to_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows: the file keeps its mode, and the folder is not synced."""
    path = tmp_path / "out"
    path.write_text("before")
    path.chmod(0o640)
    monkeypatch.delattr(os, "chown")
    monkeypatch.delattr(os, "O_DIRECTORY")
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    write(path, "text")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode), len(synced)) == ("text", 0o640, 1)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o222])
def test_an_existing_file_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "out"
    path.touch()
    path.chmod(mode)
    write(path, "text")
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    write(tmp_path / "out", "text")
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_read_only_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("before")
    path.chmod(0o444)
    with pytest.raises(UsageError, match=r"--out: expected a file .* is read-only\)$"):
        check_writable("--out", path)
    with pytest.raises(PermissionError), replacing(path):
        pass
    assert path.read_text() == "before"


@pytest.mark.parametrize("exists", [True, False])
def test_a_symbolic_link_is_followed(tmp_path: Path, exists: bool) -> None:
    (tmp_path / "sub").mkdir()
    target, link = tmp_path / "sub" / "target", tmp_path / "link"
    if exists:
        target.write_text("before")
    link.symlink_to(Path("sub") / "target")
    write(link, "text")
    assert link.is_symlink()
    assert target.read_text() == "text"
    assert list((tmp_path / "sub").iterdir()) == [target]


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    path, read = tmp_path / "pipe", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: read.append(path.read_text()))
    reader.start()
    write(path, "text")
    reader.join()
    assert read == ["text"]
    assert path.is_fifo()
    assert list(tmp_path.iterdir()) == [path]


def test_a_device_is_written_to(tmp_path: Path) -> None:
    """A private node of the device that takes everything."""
    path = tmp_path / "null"
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        path.read_bytes()
    except OSError:
        pytest.skip("only the superuser makes devices")
    write(path, "text")
    assert path.is_char_device()


def test_same_files(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    one, other = tmp_path / "one", tmp_path / "other"
    assert same_file(one, tmp_path / "sub" / ".." / "one")
    assert not same_file(one, other)
    one.write_text("text")
    assert same_file(one, tmp_path / "sub" / ".." / "one")
    other.hardlink_to(one)
    assert same_file(one, other)


def test_a_socket_is_refused() -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        path = Path(folder) / "s"  # the path of a socket has about 100 bytes at most
        server.bind(str(path))
        with pytest.raises(UsageError, match=f"--out: expected .*{path} is a socket"):
            check_writable("--out", path)
