//! ImSwitch events.
