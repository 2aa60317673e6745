"""What Roost talks about: ids, messages, log entries. Values only; no I/O, clock or randomness."""
