"""May this be appended? Pure rules over values; clocks are passed in."""
