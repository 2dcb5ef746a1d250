//! An ImSwitch server as a source.
