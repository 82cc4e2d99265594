"""Every choice of a training run by its name: read from TOML, checked, searched."""
