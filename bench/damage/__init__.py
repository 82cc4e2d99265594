"""The parts of `bench.scoring_damage`: whole files, what is done to them, and who scores them."""
