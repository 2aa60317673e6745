"""The roads of a message: `submit` takes it in, `fanout` tells who is here, `catchup` tells who comes back."""
