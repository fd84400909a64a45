"""A checkpoint comes back as it was or is refused; it never executes anything."""

from __future__ import annotations

import numpy as np
import pytest

from engine.learning.checkpoint import MAGIC, CheckpointError, load_policy, save_policy


def a_state() -> dict[str, object]:
    rng = np.random.default_rng(0)
    tensors = {"a.weight": rng.random((2, 3, 4)).astype(np.float32), "b": np.arange(5)}
    return {"options": {"seats": True}, "tensors": tensors}


def test_comes_back(tmp_path) -> None:
    path = tmp_path / "x.policy"
    digest = save_policy(path, a_state())
    assert save_policy(tmp_path / "y.policy", a_state()) == digest
    back = load_policy(path)
    assert back["options"] == {"seats": True}
    assert back["tensors"].keys() == a_state()["tensors"].keys()
    for name, array in a_state()["tensors"].items():
        assert np.array_equal(back["tensors"][name], array)
        assert back["tensors"][name].dtype == array.dtype
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.policy", "y.policy"]


def test_any_flipped_bit_is_refused(tmp_path) -> None:
    path = tmp_path / "x.policy"
    save_policy(path, a_state())
    content = path.read_bytes()
    for at in range(len(content)):
        flipped = bytearray(content)
        flipped[at] ^= 1 << (at % 8)
        path.write_bytes(flipped)
        with pytest.raises(CheckpointError):
            load_policy(path)


def test_any_cut_is_refused(tmp_path) -> None:
    path = tmp_path / "x.policy"
    save_policy(path, a_state())
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(CheckpointError):
            load_policy(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(CheckpointError, match="damaged"):
        load_policy(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_not_saved(tmp_path, value) -> None:
    state = {"tensors": {"a": np.array([1.0, value], np.float32)}}
    with pytest.raises(CheckpointError, match="no numbers"):
        save_policy(tmp_path / "x.policy", state)
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_refused_with_a_sentence(tmp_path) -> None:
    path = tmp_path / "x.policy"
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_policy(path)
    path.write_bytes(b"\x80\x04K\x01.")  # a pickle
    with pytest.raises(CheckpointError, match="no policy of IoV Twin"):
        load_policy(path)
    path.write_bytes(MAGIC[:-1] + b"\x09" + bytes(99))
    with pytest.raises(CheckpointError, match="another version"):
        load_policy(path)
