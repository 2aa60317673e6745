"""What back ends may do (`docs/admin.md`): a module for each subject. Each operation names the scope it needs."""

from __future__ import annotations

from roost.edge.api.admin import data, groups, keys, messages, operating, reports, stats, stickers, users

OPERATIONS = (
    *users.OPERATIONS,
    *data.OPERATIONS,
    *groups.OPERATIONS,
    *messages.OPERATIONS,
    *stickers.OPERATIONS,
    *reports.OPERATIONS,
    *operating.OPERATIONS,
    *stats.OPERATIONS,
    *keys.OPERATIONS,
)
