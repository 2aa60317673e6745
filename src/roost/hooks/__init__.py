"""Webhooks, where events come into being: rows of the outbox, in the transaction of what they tell of.

`roost.push.webhooks` sends them.
"""
