"""The wire: frames, their two encodings, the states of a connection. No I/O, clock or randomness."""
