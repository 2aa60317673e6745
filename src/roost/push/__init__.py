"""Push: who is offline hears of it, once (A8, A9). `contract` says what the parts promise each other."""
