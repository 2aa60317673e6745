"""The running server over real sockets, through its public surface only, against the contract sentence by sentence."""
