"""What back ends may do (`docs/admin.md`): a module for each subject. Each operation names the scope it needs."""

from __future__ import annotations

from roost.edge.api.admin import keys, messages, operating, users

OPERATIONS = (*users.OPERATIONS, *messages.OPERATIONS, *operating.OPERATIONS, *keys.OPERATIONS)
