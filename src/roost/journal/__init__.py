"""The journal: every user's log, and every device's position in it.

`contract` says what a journal guarantees; `append` is how messages get their places; `reading` how a log is
read; `positions` what devices have stored; `retention` what may go. SQL of a kind of database is in its adapter.
"""
