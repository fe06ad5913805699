"""The parts of a run, in the order of `full`. Each has run(bench) and says what it found."""
