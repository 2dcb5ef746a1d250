//! Floor 1: recordings on disk: channels, schemas, reading back, saying what is missing.
