from __future__ import annotations

import threading
from pathlib import Path

import pytest

from roost.config import ConfigError
from roost.edge.auth.secret import load_or_make_secret, load_secret


def test_a_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    assert load_or_make_secret(tmp_path / "data") == load_or_make_secret(tmp_path / "data")


def test_only_its_owner_reads_the_secret(tmp_path: Path) -> None:
    load_or_make_secret(tmp_path)
    assert (tmp_path / "jwt.secret").stat().st_mode & 0o777 == 0o600


def test_nothing_else_is_left_behind(tmp_path: Path) -> None:
    load_or_make_secret(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["jwt.secret"]


def test_the_key_is_the_text_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "jwt.secret").write_text("  c2VjcmV0IHdpdGggMzIgY2hhcmFjdGVycw==\n")
    assert load_or_make_secret(tmp_path) == b"c2VjcmV0IHdpdGggMzIgY2hhcmFjdGVycw=="


@pytest.mark.parametrize("text", ["", "\n", "short"])
def test_a_secret_too_short_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "jwt.secret").write_text(text)
    with pytest.raises(ConfigError, match=r"jwt\.secret"):
        load_or_make_secret(tmp_path)


def test_a_secret_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "jwt.secret").write_bytes(b"\xff" * 64)
    with pytest.raises(ConfigError, match=r"jwt\.secret is not UTF-8 text"):
        load_or_make_secret(tmp_path)


def test_who_only_asks_a_server_makes_no_secret(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no jwt\.secret in .*; name the server's"):
        load_secret(tmp_path)
    made = load_or_make_secret(tmp_path)
    assert load_secret(tmp_path) == made


def test_many_first_starts_at_once_agree(tmp_path: Path) -> None:
    found: list[bytes] = []
    start = threading.Barrier(8)

    def begin() -> None:
        start.wait(20)
        found.append(load_or_make_secret(tmp_path))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
