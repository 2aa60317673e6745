"""The audit log: what was done, by whom, from where (D7). Whoever does something administrative records it.

    record(tx, Act("group.renamed", author, conversation="g:team", details={"name": name}))

It is called in the transaction of the act, so the one is there exactly if the other is.
"""

from __future__ import annotations

from roost.audit.act import OPERATOR, Act, record

__all__ = ["OPERATOR", "Act", "record"]
