//! Floor 1: the configuration as it is written: one TOML file, and sources as URLs.
