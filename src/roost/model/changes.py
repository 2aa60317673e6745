"""Every kind of change there is: what a log can have besides messages (`roost.model.message.Change`).

What is entered in a log must be here, so that whatever has to know all kinds can be held against one list: the
reference, and the test by which every device ends with the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from roost.model.message import Change

KINDS: Mapping[str, frozenset[str]] = {
    "read": frozenset(),
    "group": frozenset({"created", "renamed", "changed", "dissolved", "large"}),
    "member": frozenset({"joined", "left", "removed", "banned"}),
    "mute": frozenset(),
    "conversation": frozenset({"muted", "unmuted"}),
    "invitation": frozenset({"made", "revoked"}),
    "block": frozenset({"blocked", "unblocked"}),
    "ban": frozenset({"lifted"}),
    "draft": frozenset(),
    "scheduled": frozenset({"failed"}),
}
"""The kinds, each with its actions; there are none where the kind says it all."""


def check(change: Change) -> None:
    """Raises `ValueError` for a change of no kind that is listed here."""
    if change.kind not in KINDS or (change.action is not None and change.action not in KINDS[change.kind]):
        raise ValueError(f"no such change: {change.kind} {change.action}")
