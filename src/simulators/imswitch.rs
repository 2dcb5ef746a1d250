//! A microscope server in the dialects of ImSwitch.
