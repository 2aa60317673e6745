"""The description of a file that a message carries."""

from __future__ import annotations

import msgspec

from roost.model.attachment import Attachment


def test_a_size_is_always_told_and_may_be_missing_in_what_was_stored_before() -> None:
    stored = b'{"id":"0","name":"nothing.txt","type":"text/plain"}'
    empty = msgspec.json.decode(stored, type=Attachment)
    assert empty.size == 0
    assert msgspec.json.decode(msgspec.json.encode(empty))["size"] == 0
